"""A PostgreSQL server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import pulumi
from pydantic import AfterValidator, Field, model_validator

from otel_mesh.core import versions
from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Role
from otel_mesh.core.outputs import ImageInput, NameInput  # noqa: TC001 - pydantic reads them at run time
from otel_mesh.core.values import DnsLabel, LabelValue, Settings
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.containers import (
    Container,
    ContainerPort,
    Probes,
    config_volume,
    data_volume,
    exec_check,
    scratch_volume,
    temporary_files,
)
from otel_mesh.k8s.known import then
from otel_mesh.k8s.passwords import (
    PASSWORD_KEY,
    created_secret,
    password_file,
    password_volume,
    require_one_password,
    secret_name,
)
from otel_mesh.k8s.render import render
from otel_mesh.k8s.resources import Resources, Storage
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import StatefulSetShape, Workload
from otel_mesh.mesh.binding import MeshBinding, NoMesh
from otel_mesh.services.postgres_scripts import SCRIPT_DIR, script_files

if TYPE_CHECKING:
    from typing import Self

    from otel_mesh.k8s.manifests import Manifest

PORT: Final = 5432
_UID: Final = 999
_ROLES: Final = 3
_DATA_DIR: Final = "/var/lib/postgresql/data"
_IDENTIFIER_LENGTH: Final = 63
_CREDENTIALS: Final = "credentials"
_MIGRATIONS: Final = "migrations"
_SERVICES: Final = "services"
"""Names of the volumes with the passwords; those of the roles are also the ends of their Secrets' names."""


def _identifier(name: str) -> str:
    if not (name.isascii() and name.replace("_", "a").isalnum() and name.islower() and not name[0].isdigit()):
        raise ValueError("is not an unquoted SQL name; use lower case letters, digits and underscores")
    if len(name) > _IDENTIFIER_LENGTH:
        raise ValueError("is too long; use at most 63 characters")
    return name


SqlName = Annotated[str, Field(min_length=1), AfterValidator(_identifier)]
"""SQL name that needs no quotes."""


class DatabaseRoles(Settings):
    """Roles of the databases of a `Postgres`.

    The password of each is in a Secret whose name is that of the server's Secret with ``-migrations`` or ``-services``
    appended, with the key ``password``.

    Attributes:
        migrations: Role that owns the databases and changes their schema.
        services: Role that only reads and writes rows.
    """

    migrations: SqlName = "app_migrations"
    services: SqlName = "app_services"


class PostgresSettings(Settings):
    """Settings of a `Postgres`.

    Attributes:
        name: Name of the Kubernetes objects.
        image: Image that reads POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD_FILE and PGDATA and runs as UID 999.
        version: Version of the program in the image, used as a label.
        resources: Resource requests and limits of the container.
        scheduling: Placement of the pod.
        storage: Storage of the data.
        user: Superuser role of the server. It owns the databases if there are no ``roles``.
        databases: Databases to create if missing; none is ever dropped.
        roles: Roles to create if missing; existing objects of the databases are reassigned to them. None: the
            superuser is the only role.
        meshed: Whether the pod joins the mesh. It does by default: mTLS authenticates clients and encrypts the
            connections, which the server itself does not.
        existing_secret: Name of an existing Secret with the key ``password``; None if the password is an argument.
    """

    name: DnsLabel = "postgres"
    image: ImageInput = versions.POSTGRES_IMAGE
    version: LabelValue = versions.POSTGRES
    resources: Resources = Resources(cpu="100m", memory="128Mi", memory_limit="512Mi")
    scheduling: Scheduling = Scheduling()
    storage: Storage = Storage(kind="persistent")
    user: SqlName = "app"
    databases: tuple[SqlName, ...] = Field(default=("app",), min_length=1)
    roles: DatabaseRoles | None = None
    meshed: bool = True
    existing_secret: NameInput | None = None

    @model_validator(mode="after")
    def _each_role_is_another(self) -> Self:
        if self.roles is not None and len({self.user, self.roles.migrations, self.roles.services}) < _ROLES:
            problem = Problem("roles", "two of the three roles have the same name", "give each role its own name")
            raise InvalidSettingsError([problem])
        return self

    @property
    def secret_name(self) -> pulumi.Input[str]:
        """Name of the Secret with the password: the existing one, or the one that is created."""
        return secret_name(self.name, self.existing_secret)

    @property
    def migrations_secret_name(self) -> pulumi.Input[str]:
        """Name of the Secret with the password of ``roles.migrations``."""
        return then(self.secret_name, lambda name: f"{name}-{_MIGRATIONS}")

    @property
    def services_secret_name(self) -> pulumi.Input[str]:
        """Name of the Secret with the password of ``roles.services``."""
        return then(self.secret_name, lambda name: f"{name}-{_SERVICES}")


@dataclass(frozen=True, kw_only=True)
class PostgresArgs:
    """Arguments of a `Postgres`.

    Attributes:
        namespace: Namespace of the Kubernetes objects.
        password: Password of ``settings.user``, a secret output; None if ``settings.existing_secret`` is set.
        settings: Settings, or a mapping of their fields.
        mesh: Mesh that the namespace belongs to.
        migrations_password: Password of ``settings.roles.migrations``, if there are roles; like ``password``.
        services_password: Password of ``settings.roles.services``; like ``password``.
    """

    namespace: pulumi.Input[str]
    password: pulumi.Input[str] | None = None
    settings: PostgresSettings = field(default_factory=PostgresSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)
    migrations_password: pulumi.Input[str] | None = None
    services_password: pulumi.Input[str] | None = None


def _secrets(settings: PostgresSettings) -> dict[str, pulumi.Input[str]]:
    """Names of the Secrets by volume."""
    names = {_CREDENTIALS: settings.secret_name}
    if settings.roles is not None:
        names[_MIGRATIONS] = settings.migrations_secret_name
        names[_SERVICES] = settings.services_secret_name
    return names


def _script_files(settings: PostgresSettings) -> dict[str, str]:
    if settings.roles is None:
        return script_files(settings.databases, None)
    owner = settings.roles.migrations, password_file(settings.migrations_secret_name, _MIGRATIONS)
    user = settings.roles.services, password_file(settings.services_secret_name, _SERVICES)
    return script_files(settings.databases, (owner, user))


def _container(settings: PostgresSettings) -> Container:
    # by TCP: the temporary server of the first start listens on a socket only and must not count as ready
    ready = ("pg_isready", "--quiet", "--host=127.0.0.1", f"--username={settings.user}")
    passwords = (password_volume(name, secret) for name, secret in _secrets(settings).items())
    return Container(
        name="postgres",
        image=settings.image,
        env={
            "POSTGRES_USER": settings.user,
            "POSTGRES_DB": settings.databases[0],
            "POSTGRES_PASSWORD_FILE": password_file(settings.secret_name, _CREDENTIALS),
            "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256 --data-checksums",
            # below the mount: a volume's root may contain lost+found, which initdb rejects
            "PGDATA": f"{_DATA_DIR}/pgdata",
        },
        ports=(ContainerPort(name="tcp-postgresql", number=PORT, protocol="tcp"),),
        probes=Probes(
            live=exec_check((*ready, f"--dbname={settings.databases[0]}"), timeout_seconds=3), start_seconds=100
        ),
        lifecycle={"postStart": {"exec": {"command": ["sh", f"{SCRIPT_DIR}/create-databases.sh"]}}},
        resources=settings.resources,
        volumes=(
            data_volume("data", settings.storage, settings.name, _DATA_DIR),
            *passwords,
            config_volume("scripts", settings.name, SCRIPT_DIR),
            temporary_files(),
            scratch_volume("run", "/var/run/postgresql"),
        ),
    )


def _created_secrets(settings: PostgresSettings, args: PostgresArgs) -> dict[str, dict[str, pulumi.Input[str]]]:
    """The Secrets that are created: name to values by key; none beside an existing Secret.

    Raises:
        InvalidSettingsError: There are two passwords of one role, or none.
    """
    require_one_password(args.password, settings.existing_secret)
    if settings.roles is None:
        if args.migrations_password is not None or args.services_password is not None:
            raise InvalidSettingsError(
                [Problem("roles", "passwords without roles", "set the roles, or remove the passwords")]
            )
    else:
        for password in (args.migrations_password, args.services_password):
            require_one_password(password, settings.existing_secret)
    name = created_secret(settings.name)
    passwords = {
        name: args.password,
        f"{name}-{_MIGRATIONS}": args.migrations_password,
        f"{name}-{_SERVICES}": args.services_password,
    }
    return {name: {PASSWORD_KEY: one} for name, one in passwords.items() if one is not None}


def postgres_manifests(args: PostgresArgs, settings: PostgresSettings) -> list[Manifest]:
    """All objects of a Postgres, dependencies first.

    Raises:
        InvalidSettingsError: There are two passwords of one role, or none.
    """
    secrets = _created_secrets(settings, args)
    return render(
        Workload(
            name=settings.name,
            namespace=args.namespace,
            program="postgres",
            role=Role.DATABASE,
            version=settings.version,
            containers=(_container(settings),),
            shape=StatefulSetShape(),
            scheduling=settings.scheduling,
            uid=_UID,
            grace_seconds=60,  # a fast shutdown writes a checkpoint
            files=_script_files(settings),
            secrets=secrets,
            pod_labels=args.mesh.labels_of_pods(meshed=settings.meshed),
            pod_annotations=args.mesh.annotations_of_pods(meshed=settings.meshed),
        )
    )


class Postgres(Component):
    """A PostgreSQL server; its databases exist when it is ready.

    Attributes:
        host_name: DNS name of the Service.
        secret_name: Name of the Secret with the key ``password``, in the same namespace.

    Raises:
        InvalidSettingsError: The settings are invalid, or there are two passwords of one role, or none.
    """

    TYPE: ClassVar[str] = "Postgres"

    host_name: pulumi.Output[str]
    secret_name: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(PostgresSettings, args.settings)
        manifests = postgres_manifests(args, settings)
        super().__init__(name, opts)
        self.children(manifests)
        self.host_name = self.host(settings.name, args.namespace)
        self.secret_name = pulumi.Output.from_input(settings.secret_name)
        self.register_outputs({"host_name": self.host_name, "secret_name": self.secret_name})
