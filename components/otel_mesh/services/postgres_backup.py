"""Backups of a PostgreSQL server: a CronJob that dumps each database to a volume, and copies dumps to a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import pulumi
from pydantic import Field, model_validator

from otel_mesh.core import versions
from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Role
from otel_mesh.core.network import OTLP_HTTP_PORT
from otel_mesh.core.outputs import ImageInput  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.values import CronSchedule, DnsLabel, LabelValue, Port, Settings
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.containers import Container, Volume, config_volume, data_volume, temporary_files
from otel_mesh.k8s.passwords import password_file, password_volume
from otel_mesh.k8s.render import render
from otel_mesh.k8s.resources import Resources, Storage
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import CronJobShape, JobShape, Workload
from otel_mesh.mesh.binding import MeshBinding, NoMesh
from otel_mesh.services.backup_store import BackupStore  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.services.ordinary_workload import Account
from otel_mesh.services.postgres_backup_scripts import FILES, SCRIPT_DIR

if TYPE_CHECKING:
    from typing import Self

    from otel_mesh.k8s.manifests import Manifest

_UID: Final = 999
_BACKUP_DIR: Final = "/var/backups/postgres"


class PostgresBackupSettings(Settings):
    """Settings of a `PostgresBackup`.

    Attributes:
        name: Name of the Kubernetes objects.
        image: Image with ``pg_dump`` and ``pg_restore`` of the server's major version or a newer one, ``bash`` and the
            GNU tools.
        version: Version of the programs in the image, used as a label.
        resources: Resource requests and limits of the container.
        scheduling: Placement of the pod.
        storage: Volume of the dumps. It has to be persistent, and should lie elsewhere than the server's own. With a
            store it may be ephemeral, with room for one dump of each database.
        store: Object store that the dumps are copied to; None for the volume alone.
        schedule: Time of the backups in the format of cron, in UTC.
        keep: Number of dumps of each database that the volume keeps.
        deadline_seconds: Time that all dumps together may take.
        meshed: Whether the pod joins the mesh, as a server in the mesh requires.
        account: The pods' ServiceAccount, for a store that knows their cloud identity.
    """

    name: DnsLabel = "postgres-backup"
    image: ImageInput = versions.POSTGRES_IMAGE
    version: LabelValue = versions.POSTGRES
    resources: Resources = Resources(cpu="50m", memory="64Mi", memory_limit="256Mi")
    scheduling: Scheduling = Scheduling()
    storage: Storage = Storage(kind="persistent")
    store: BackupStore | None = None
    schedule: CronSchedule = "17 3 * * *"
    keep: Annotated[int, Field(ge=1, le=1000)] = 7
    deadline_seconds: Annotated[int, Field(ge=60, le=86_400)] = 3600
    meshed: bool = True
    account: Account = Account()

    @model_validator(mode="after")
    def _outlives_the_pod(self) -> Self:
        if not self.storage.persistent and self.store is None:
            remedy = "set it to persistent, or copy the dumps to a 'store'"
            problem = Problem("storage.kind", "would lose every dump with its pod", remedy)
            raise InvalidSettingsError([problem])
        return self


@dataclass(frozen=True, kw_only=True)
class PostgresBackupArgs:
    """Arguments of a `PostgresBackup`.

    Attributes:
        namespace: Namespace of the Kubernetes objects.
        host: Host name of the server.
        port: Port of the server.
        user: Role that logs in. All databases that it owns are dumped.
        database: Database that the list of databases is read from.
        secret_name: Name of the Secret with the key ``password`` of that role, in the same namespace.
        otlp_host: Host name of a Collector that gets the time of each success; empty: it is not reported.
        settings: Settings, or a mapping of their fields.
        mesh: Mesh that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    host: pulumi.Input[str]
    user: str
    database: str
    secret_name: pulumi.Input[str]
    port: Port = 5432
    otlp_host: str = ""
    settings: PostgresBackupSettings = field(default_factory=PostgresBackupSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def _containers(args: PostgresBackupArgs, settings: PostgresBackupSettings) -> tuple[Container, ...]:
    """The containers in the order in which they run: the one that dumps, and the one that copies to the store."""
    memory = Volume(name="run", path="/run/backup", source={"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}})
    dumps = data_volume("backups", settings.storage, settings.name, _BACKUP_DIR)
    shared: dict[str, pulumi.Input[str]] = {
        "BACKUP_DIR": _BACKUP_DIR,
        "SERVICE_NAME": settings.name,
        "OTLP_HOST": args.otlp_host,
        "OTLP_PORT": str(OTLP_HTTP_PORT),
    }
    dumping = Container(
        name="backup",
        image=settings.image,
        command=("bash",),
        args=(f"{SCRIPT_DIR}/backup.sh",),
        pod_fields={"POD_NAMESPACE": "metadata.namespace"},
        env={
            "PGHOST": args.host,
            "PGPORT": str(args.port),
            "PGUSER": args.user,
            "PGCONNECT_TIMEOUT": "30",
            "DATABASE": args.database,
            "PASSWORD_FILE": password_file(args.secret_name, "credentials"),
            "KEEP": str(settings.keep),
            **shared,
            **({} if settings.store is None else {"STORED": settings.store.bucket}),
        },
        resources=settings.resources,
        volumes=(
            dumps,
            password_volume("credentials", args.secret_name),
            config_volume("scripts", settings.name, SCRIPT_DIR),
            memory,
            temporary_files(),
        ),
    )
    return (dumping,) if settings.store is None else (dumping, settings.store.container(shared, dumps))


def postgres_backup_manifests(args: PostgresBackupArgs, settings: PostgresBackupSettings) -> list[Manifest]:
    """All objects of a PostgresBackup, dependencies first.

    Raises:
        InvalidSettingsError: The image of the store's program is not named.
    """
    *first, last = _containers(args, settings)
    return render(
        Workload(
            name=settings.name,
            namespace=args.namespace,
            program="postgres-backup",
            role=Role.BACKUP,
            version=settings.version,
            containers=(last,),
            init_containers=tuple(first),
            shape=CronJobShape(
                schedule=settings.schedule,
                # a failed run is not repeated before the next time: it would fail again
                job=JobShape(deadline_seconds=settings.deadline_seconds),
                time_zone="Etc/UTC",
                starting_deadline_seconds=3600,
            ),
            scheduling=settings.scheduling,
            uid=_UID,
            account_labels=settings.account.labels,
            account_annotations=settings.account.annotations,
            files=FILES,
            pod_labels=args.mesh.labels_of_pods(meshed=settings.meshed),
            pod_annotations=args.mesh.annotations_of_pods(meshed=settings.meshed),
        )
    )


class PostgresBackup(Component):
    """A CronJob that dumps each database of a role to a volume and an object store, and keeps the newest dumps.

    Attributes:
        service_account: Service account of the pods, part of the mesh identity.

    Raises:
        InvalidSettingsError: The settings are invalid.
    """

    TYPE: ClassVar[str] = "PostgresBackup"

    service_account: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresBackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(PostgresBackupSettings, args.settings)
        super().__init__(name, opts)
        self.children(postgres_backup_manifests(args, settings))
        self.service_account = pulumi.Output.from_input(settings.name)
        self.register_outputs({"service_account": self.service_account})
