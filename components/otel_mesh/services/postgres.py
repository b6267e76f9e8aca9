"""One PostgreSQL on a volume, for services that keep rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import pulumi
from pydantic import AfterValidator, Field, model_validator

from otel_mesh.core import versions
from otel_mesh.core.component import Component
from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Role
from otel_mesh.core.values import DnsLabel, ImageReference, LabelValue, ObjectName, Settings
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
from otel_mesh.k8s.passwords import PASSWORD_KEY, password_file, password_volume, require_one_password, secret_name
from otel_mesh.k8s.render import render
from otel_mesh.k8s.resources import Resources, Storage
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import StatefulSetShape, Workload
from otel_mesh.mesh.binding import MeshBinding, NoMesh
from otel_mesh.services.postgres_scripts import SCRIPT_DIR, script_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from otel_mesh.k8s.manifests import Manifest

PORT: Final = 5432
_UID: Final = 999
_ROLES: Final = 3
_DATA_DIR: Final = "/var/lib/postgresql/data"
_IDENTIFIER_LENGTH: Final = 63


def _identifier(name: str) -> str:
    if not (name.isascii() and name.replace("_", "a").isalnum() and name.islower() and not name[0].isdigit()):
        raise ValueError("is no plain SQL name; use lower case letters, digits and underscores")
    if len(name) > _IDENTIFIER_LENGTH:
        raise ValueError("is too long; use at most 63 characters")
    return name


SqlName = Annotated[str, Field(min_length=1), AfterValidator(_identifier)]
"""A name that needs no quoting in SQL."""


class DatabaseRoles(Settings):
    """Who does what in the databases of a `Postgres`.

    Each has a password of its own, in a Secret that is called after the server's, ``-migrations`` and ``-services``
    appended, with the key ``password``.

    Attributes:
        migrations: the role that owns the databases with their tables, and changes their schema.
        services: the role that reads and writes rows, and can do nothing else.
    """

    migrations: SqlName = "shop_migrations"
    services: SqlName = "shop_services"


class PostgresSettings(Settings):
    """Settings of a `Postgres`.

    Attributes:
        name: of its objects.
        image: that honours POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD_FILE and PGDATA and runs as uid 999.
        version: of the program in the image, as a label.
        resources: of its container.
        scheduling: where its pod runs.
        storage: where rows are kept.
        user: the server's own role, which may do everything. It owns the databases where there are no ``roles``.
        databases: made at start where missing; never dropped.
        roles: made at start where missing; what is in the databases already goes over to them. None where the server's
            own role is the only one.
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
    roles: DatabaseRoles | None = None
    meshed: bool = True
    existing_secret: ObjectName | None = None

    @model_validator(mode="after")
    def _each_role_is_another(self) -> Self:
        if self.roles is not None and len({self.user, self.roles.migrations, self.roles.services}) < _ROLES:
            problem = Problem("roles", "one role would do what another is to be kept from", "give each its own name")
            raise InvalidSettingsError([problem])
        return self

    @property
    def secret_name(self) -> str:
        """The Secret that holds the password: the existing one, or our own."""
        return secret_name(self.name, self.existing_secret)

    @property
    def migrations_secret_name(self) -> str:
        """The Secret with the password of ``roles.migrations``."""
        return f"{self.secret_name}-migrations"

    @property
    def services_secret_name(self) -> str:
        """The Secret with the password of ``roles.services``."""
        return f"{self.secret_name}-services"


@dataclass(frozen=True, kw_only=True)
class PostgresArgs:
    """Arguments of a `Postgres`.

    Attributes:
        namespace: where its objects live.
        password: of the user; a secret output. Left out where ``settings.existing_secret`` names a Secret.
        settings: or a mapping that becomes one.
        mesh: that the namespace belongs to.
        migrations_password: of ``settings.roles.migrations``, where there are roles; as the user's.
        services_password: of ``settings.roles.services``; the same.
    """

    namespace: pulumi.Input[str]
    password: pulumi.Input[str] | None = None
    settings: PostgresSettings = field(default_factory=PostgresSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)
    migrations_password: pulumi.Input[str] | None = None
    services_password: pulumi.Input[str] | None = None


def _secrets(settings: PostgresSettings) -> dict[str, str]:
    """Volume to Secret."""
    names = {"credentials": settings.secret_name}
    if settings.roles is not None:
        names["migrations"] = settings.migrations_secret_name
        names["services"] = settings.services_secret_name
    return names


def _script_files(settings: PostgresSettings) -> dict[str, str]:
    if settings.roles is None:
        return script_files(settings.databases, None)
    owner = settings.roles.migrations, password_file(settings.migrations_secret_name)
    user = settings.roles.services, password_file(settings.services_secret_name)
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
            "POSTGRES_PASSWORD_FILE": password_file(settings.secret_name),
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


def _passwords(settings: PostgresSettings, args: PostgresArgs) -> Mapping[str, pulumi.Input[str] | None]:
    """Secret to its password; None where the Secret exists.

    Raises:
        InvalidSettingsError: there are two passwords of one role, or none.
    """
    require_one_password(args.password, settings.existing_secret)
    if settings.roles is None:
        if args.migrations_password is not None or args.services_password is not None:
            raise InvalidSettingsError(
                [Problem("roles", "passwords without roles", "name the roles, or leave them out")]
            )
        return {settings.secret_name: args.password}
    for password in (args.migrations_password, args.services_password):
        require_one_password(password, settings.existing_secret)
    return {
        settings.secret_name: args.password,
        settings.migrations_secret_name: args.migrations_password,
        settings.services_secret_name: args.services_password,
    }


def postgres_manifests(args: PostgresArgs, settings: PostgresSettings) -> list[Manifest]:
    """All objects of a Postgres, dependencies first.

    Raises:
        InvalidSettingsError: There are two passwords of one role, or none.
    """
    passwords = _passwords(settings, args)
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
            secrets={name: {PASSWORD_KEY: one} for name, one in passwords.items() if one is not None},
            pod_labels=args.mesh.labels_of_pods(meshed=settings.meshed),
            pod_annotations=args.mesh.annotations_of_pods(meshed=settings.meshed),
        )
    )


class Postgres(Component):
    """One PostgreSQL server whose databases exist when it is ready to serve.

    Attributes:
        host_name: its DNS name.
        secret_name: of the Secret with the key ``password``, in the same namespace.

    Raises:
        InvalidSettingsError: the settings are wrong, or there are two passwords of one role, or none.
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
