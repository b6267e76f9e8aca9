"""One PostgreSQL on a volume, for services that keep rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final

import pulumi
from pydantic import AfterValidator, Field

from otel_mesh import pods, versions, workloads
from otel_mesh.component import Component
from otel_mesh.labels import Annotation, Role, recommended, selector
from otel_mesh.manifests import Manifest, checksum, metadata
from otel_mesh.mesh import MeshBinding, NoMesh
from otel_mesh.passwords import require_one_password
from otel_mesh.problems import parse
from otel_mesh.scheduling import Scheduling
from otel_mesh.sizing import Resources, Storage
from otel_mesh.values import DnsLabel, ImageReference, LabelValue, ObjectName, Settings

PORT: Final = 5432
PASSWORD_KEY: Final = "password"  # noqa: S105 - the key in the Secret, not its value
_UID: Final = 999
_DATA_DIR: Final = "/var/lib/postgresql/data"
_SECRET_DIR: Final = "/etc/otel-mesh/secrets"  # noqa: S105 - a path
_SCRIPT_DIR: Final = "/etc/otel-mesh/postgres"
_IDENTIFIER_LENGTH: Final = 63

_CREATE_DATABASES: Final = """\
#!/bin/sh
# Run beside the server at every start: makes the databases that are not there yet.
# Listening on TCP is the sign that the first start's own set-up, which uses a socket only, is over.
set -eu
PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") # images differ in whether the socket asks for it
export PGPASSWORD
until pg_isready --quiet --host=127.0.0.1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB"; do sleep 0.2; done
while read -r database; do
    psql --quiet --no-password --no-psqlrc --set=ON_ERROR_STOP=1 --set=name="$database" \\
        --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
SELECT format('CREATE DATABASE %I', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec
SQL
done < /etc/otel-mesh/postgres/databases
"""


def _identifier(name: str) -> str:
    if not (name.isascii() and name.replace("_", "a").isalnum() and name.islower() and not name[0].isdigit()):
        raise ValueError("is no plain SQL name; use lower case letters, digits and underscores")
    if len(name) > _IDENTIFIER_LENGTH:
        raise ValueError("is too long; use at most 63 characters")
    return name


SqlName = Annotated[str, Field(min_length=1), AfterValidator(_identifier)]
"""A name that needs no quoting in SQL."""


class PostgresSettings(Settings):
    """Settings of a `Postgres`.

    Attributes:
        name: of its objects.
        image: that honours POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD_FILE and PGDATA and runs as uid 999.
        version: of the program in the image, as a label.
        resources: of its container.
        scheduling: where its pod runs.
        storage: where rows are kept.
        user: the role that owns the databases.
        databases: made at start where missing; never dropped.
        meshed: whether its pod joins the mesh. By default: clients prove who they are, and the passwords and rows
            on the way are encrypted, which the server itself does not do.
        existing_secret: name of a Secret with the key ``password``; None where the password is an argument.
    """

    name: DnsLabel = "postgres"
    image: ImageReference = versions.POSTGRES_IMAGE
    version: LabelValue = versions.POSTGRES
    resources: Resources = Resources(cpu="100m", memory="128Mi", memory_limit="512Mi")
    scheduling: Scheduling = Scheduling()
    storage: Storage = Storage(kind="persistent")
    user: SqlName = "shop"
    databases: tuple[SqlName, ...] = Field(default=("shop",), min_length=1)
    meshed: bool = True
    existing_secret: ObjectName | None = None

    @property
    def secret_name(self) -> str:
        """The Secret that holds the password: the existing one, or our own."""
        return self.existing_secret or f"{self.name}-credentials"


@dataclass(frozen=True, kw_only=True)
class PostgresArgs:
    """Arguments of a `Postgres`.

    Attributes:
        namespace: where its objects live.
        password: of the user; a secret output. Left out where ``settings.existing_secret`` names a Secret.
        settings: or a mapping that becomes one.
        mesh: that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    password: pulumi.Input[str] | None = None
    settings: PostgresSettings = field(default_factory=PostgresSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def _probe(settings: PostgresSettings, **timing: int) -> dict[str, Any]:
    # by TCP: the temporary server of the first start listens on a socket only and must not count as ready
    command = ["pg_isready", "--quiet", "--host=127.0.0.1", f"--username={settings.user}"]
    return {"exec": {"command": [*command, f"--dbname={settings.databases[0]}"]}, "timeoutSeconds": 3, **timing}


def _pod(settings: PostgresSettings) -> dict[str, Any]:
    secret_dir = f"{_SECRET_DIR}/{settings.secret_name}"
    scratch, scratch_mounts = pods.scratch_volumes({"tmp": "/tmp", "run": "/var/run/postgresql"})  # noqa: S108
    postgres = workloads.container(
        "postgres",
        settings.image,
        env=pods.env(
            {
                "POSTGRES_USER": settings.user,
                "POSTGRES_DB": settings.databases[0],
                "POSTGRES_PASSWORD_FILE": f"{secret_dir}/{PASSWORD_KEY}",
                "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256 --data-checksums",
                # below the mount: a volume's root may hold lost+found, which initdb refuses
                "PGDATA": f"{_DATA_DIR}/pgdata",
            }
        ),
        ports=pods.ports({"tcp-postgresql": PORT}),
        startupProbe=_probe(settings, periodSeconds=1, failureThreshold=100),
        livenessProbe=_probe(settings, periodSeconds=10, failureThreshold=3),
        readinessProbe=_probe(settings, periodSeconds=5, failureThreshold=2),
        lifecycle={"postStart": {"exec": {"command": ["sh", f"{_SCRIPT_DIR}/create-databases.sh"]}}},
        resources=settings.resources.manifest(),
        volumeMounts=[
            {"name": "data", "mountPath": _DATA_DIR},
            {"name": "credentials", "mountPath": secret_dir, "readOnly": True},
            {"name": "scripts", "mountPath": _SCRIPT_DIR, "readOnly": True},
            *scratch_mounts,
        ],
    )
    return workloads.pod(
        [postgres],
        service_account=settings.name,
        uid=_UID,
        volumes=[
            settings.storage.volume("data", settings.name),
            {"name": "credentials", "secret": {"secretName": settings.secret_name, "defaultMode": 0o440}},
            {"name": "scripts", "configMap": {"name": settings.name}},
            *scratch,
        ],
        grace_seconds=60,  # a fast shutdown writes a checkpoint
        scheduling=settings.scheduling,
    )


def postgres_manifests(
    settings: PostgresSettings,
    namespace: pulumi.Input[str],
    password: pulumi.Input[str] | None,
    mesh: MeshBinding | None = None,
) -> list[Manifest]:
    """All objects of a Postgres, what others need first.

    Raises:
        InvalidSettingsError: there are two passwords, or none.
    """
    require_one_password(password, settings.existing_secret)
    mesh = mesh or NoMesh()
    labels = recommended("postgres", settings.name, Role.DATABASE, settings.version)
    selected = selector("postgres", settings.name)
    meta = metadata(settings.name, labels, namespace=namespace)
    files = {
        "create-databases.sh": _CREATE_DATABASES,
        "databases": "".join(f"{database}\n" for database in settings.databases),
    }
    manifests = [workloads.service_account(meta), workloads.config_map(meta, files)]
    if password is not None:
        secret_meta = metadata(settings.secret_name, labels, namespace=namespace)
        manifests.append(workloads.secret(secret_meta, {PASSWORD_KEY: password}))
    if settings.storage.persistent:
        manifests.append(workloads.claim(meta, settings.storage.claim_spec()))
    manifests += [
        workloads.stateful_set(
            meta,
            selected=selected,
            pod_spec=_pod(settings),
            pod_labels=mesh.labels_of_pods(meshed=settings.meshed),
            pod_annotations={
                Annotation.CONFIG_CHECKSUM.value: checksum(files),
                **mesh.annotations_of_pods(meshed=settings.meshed),
            },
        ),
        workloads.service(meta, selected=selected, ports={"tcp-postgresql": (PORT, "tcp")}),
    ]
    return manifests


class Postgres(Component):
    """One PostgreSQL server whose databases exist when it is ready to serve.

    Attributes:
        host_name: its DNS name.
        secret_name: of the Secret with the key ``password``, in the same namespace.

    Raises:
        InvalidSettingsError: the settings are wrong, or there are two passwords, or none.
    """

    TYPE: ClassVar[str] = "Postgres"

    host_name: pulumi.Output[str]
    secret_name: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(PostgresSettings, args.settings)
        manifests = postgres_manifests(settings, args.namespace, args.password, args.mesh)
        super().__init__(name, opts)
        self.children(manifests)
        self.host_name = self.host(settings.name, args.namespace)
        self.secret_name = pulumi.Output.from_input(settings.secret_name)
        self.register_outputs({"host_name": self.host_name, "secret_name": self.secret_name})
