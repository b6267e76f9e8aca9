"""The object store that backups are copied to: its address, its credentials and what it keeps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from otel_mesh.catalog.external import ExternalCall, NamedExternalCall
from otel_mesh.core.endpoints import Certificates, ClientTls, Endpoint, is_in_cluster, unencrypted
from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.outputs import ImageInput, NameInput, OrOutput
from otel_mesh.core.patterns import Pattern
from otel_mesh.core.values import LabelValue, UrlText  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.k8s.containers import Container, secret_volume, temporary_files
from otel_mesh.k8s.network_policy import Cidr  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.tls_files import TlsFiles
from otel_mesh.mesh.policies.egress import MeshHost
from otel_mesh.services.outside_stores import StoreHost

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    import pulumi

    from otel_mesh.k8s.containers import Volume

STORE_VERSION: Final = "0.1.0"
"""Version of the program that copies dumps, the tag of its image."""

_CREDENTIALS_DIR: Final = "/etc/otel-mesh/store"
_TLS_DIR: Final = "/etc/otel-mesh/store-tls"
_STORE_HOST: Final[TypeAdapter[str]] = TypeAdapter(StoreHost)

Bucket = Annotated[
    str,
    Pattern(
        re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
        "is not the name of a bucket; use 3 to 63 lower case letters, digits, dots and dashes",
    ),
]
"""Name of a bucket."""

if TYPE_CHECKING:
    BucketInput = pulumi.Input[str]
else:
    BucketInput = Annotated[Bucket, OrOutput()]
    """Name of a bucket, or an Output of one."""

ObjectPrefix = Annotated[
    str,
    Pattern(
        re.compile(r"(?:[A-Za-z0-9._=-]{1,100}(?:/[A-Za-z0-9._=-]{1,100}){0,9})?"),
        "is not a prefix; write names with slashes between them such as clusters/main, without one at either end",
    ),
]
"""Path of objects in a bucket; may be empty."""

Region = Annotated[
    str, Pattern(re.compile(r"[a-z0-9-]{1,63}"), "is not a region; use lower case letters, digits and dashes")
]
"""Name of a region of an object store."""


class BackupStore(Endpoint):
    """An S3-compatible object store that dumps are copied to, as ``<prefix>/<database>/<time>.dump``.

    The bucket may be an Output. The endpoint is plain: NetworkPolicies and the mesh's objects depend on its host and
    port.

    Attributes:
        endpoint: URL of the store, such as ``https://s3.eu-central-1.amazonaws.com``. The bucket is addressed by path.
        bucket: Name of the bucket, which has to exist.
        prefix: Path before the names of the databases. Each server needs a prefix of its own.
        region: Region that requests are signed for; stores without regions accept any.
        credentials_secret: Secret with the keys ``access_key_id`` and ``secret_access_key`` in the services' namespace;
            None for the cloud identity of the pods' ServiceAccount.
        identity_calls: Hosts that issue the credentials of a cloud identity, such as
            ``sts.eu-central-1.amazonaws.com``.
        ca: Authorities of the store's certificate, beside those of the image; None for those of the image.
        addresses: Address ranges of the store, for NetworkPolicies; any address when empty.
        keep: Number of dumps of each database that the store keeps.
        image: Image of the program that copies dumps, built from ``app_images/backup_store``; required.
        version: Version of that program, used as a label.
        resources: Resource requests and limits of its container.
    """

    endpoint: UrlText
    bucket: BucketInput
    prefix: ObjectPrefix = "postgres"
    region: Region = "us-east-1"
    credentials_secret: NameInput | None = None
    identity_calls: tuple[NamedExternalCall, ...] = ()
    ca: Certificates | None = None
    addresses: tuple[Cidr, ...] = ()
    keep: Annotated[int, Field(ge=1, le=10_000)] = 30
    image: ImageInput | None = None
    version: LabelValue = STORE_VERSION
    resources: Resources = Resources(cpu="50m", memory="64Mi", memory_limit="256Mi")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        problems = self._bad_address()
        if self.credentials_secret is not None and self.identity_calls:
            reason = "has no effect beside 'credentials_secret', which replaces the cloud identity"
            problems.append(Problem("identity_calls", reason, "remove one of them"))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def _bad_address(self) -> list[Problem]:
        parts = urlsplit(self.endpoint)
        if parts.path.strip("/"):
            return [Problem("endpoint", "has a path, which is the bucket's place", "write the bucket in 'bucket'")]
        try:
            _STORE_HOST.validate_python(self.host)
        except ValidationError as error:
            reason, _, remedy = error.errors()[0]["msg"].removeprefix("Value error, ").partition("; ")
            return [Problem("endpoint", f"its host {reason}", remedy)]
        problems = []
        if self.ca is not None and not self.encrypted:
            problems.append(Problem("ca", "has no effect on http://", "write https:// in 'endpoint', or remove it"))
        return [*problems, *unencrypted(self.endpoint, tls=None, credentials={"endpoint": True})]

    @property
    def in_cluster(self) -> bool:
        """Whether the store is a Service of the cluster."""
        return is_in_cluster(self.host)

    @property
    def service(self) -> MeshHost | None:
        """The Service of a store in the cluster; None for one outside."""
        if not self.in_cluster:
            return None
        name, namespace, *_ = self.host.split(".")
        return MeshHost(service=name, namespace=namespace)

    def calls(self) -> tuple[ExternalCall, ...]:
        """The hosts outside the cluster that the pods of a backup call."""
        if self.in_cluster:
            return self.identity_calls
        return (ExternalCall(host=self.host, port=self.port, addresses=self.addresses), *self.identity_calls)

    @property
    def _files(self) -> TlsFiles:
        return TlsFiles(name="store-tls", folder=_TLS_DIR, tls=None if self.ca is None else ClientTls(ca=self.ca))

    def container(self, shared: Mapping[str, pulumi.Input[str]], dumps: Volume) -> Container:
        """The container that copies dumps to the store.

        Args:
            shared: Environment variables that it has in common with the container that dumps.
            dumps: Volume of the dumps.

        Raises:
            InvalidSettingsError: The image is not named.
        """
        if self.image is None:
            remedy = "name the image that is built from app_images/backup_store"
            raise InvalidSettingsError([Problem("store.image", "required but missing", remedy)])
        volumes = [dumps, temporary_files(), *self._files.volumes()]
        files = {"STORE_CA_FILE": self._files.ca} if self._files.ca is not None else {}
        if self.credentials_secret is not None:
            volumes.append(secret_volume("store-credentials", self.credentials_secret, _CREDENTIALS_DIR))
            keys = ("access_key_id", "secret_access_key")
            files |= {f"STORE_{key.upper()}_FILE": f"{_CREDENTIALS_DIR}/{key}" for key in keys}
        return Container(
            name="store",
            image=self.image,
            args=("upload",),
            pod_fields={"POD_NAMESPACE": "metadata.namespace"},
            env={
                **shared,
                "STORE_ENDPOINT": self.endpoint.rstrip("/"),
                "STORE_BUCKET": self.bucket,
                "STORE_PREFIX": self.prefix,
                "STORE_REGION": self.region,
                "STORE_KEEP": str(self.keep),
                **files,
            },
            resources=self.resources,
            volumes=tuple(volumes),
        )
