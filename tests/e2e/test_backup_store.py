"""A backup in an object store outside the mesh, and a fresh database that is restored from it, on real sidecars."""

from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_mesh import (
    Addresses,
    Catalog,
    IstioSettings,
    PostgresArgs,
    PostgresBackupArgs,
    PostgresBackupSettings,
    PostgresSettings,
    declared_egress,
    dns_connections,
    mesh_connections,
    network_policies,
    service_host,
    tcp,
    workload_pods,
)
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.istio.egress import egress_manifests
from otel_mesh.services.postgres import postgres_manifests
from otel_mesh.services.postgres_backup import postgres_backup_manifests
from otel_mesh_embedded import images
from otel_mesh_embedded.environment import workspace
from otel_mesh_embedded.node.layout import NODE_ADDRESS
from otel_mesh_embedded.node.node import assemble
from tests.app_images.services.s3_server import BUCKET, REGION, S3Server, serving
from tests.e2e.backup_jobs import restoring, run_job
from tests.e2e.cluster_objects import as_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.full]

SPACE: Final = f"backups-{secrets.token_hex(3)}"
HOST: Final = "objects.example.com"
DATABASE: Final = "orders"
PASSWORD: Final = secrets.token_hex(16)
PSQL: Final = (
    'PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") exec psql --no-password -h 127.0.0.1 -At -U app -d "$1" -c "$2"'
)
MESH: Final = istio_binding(IstioSettings())
CATALOG: Final = Catalog.model_validate(
    {
        "name": SPACE,
        "services": [{"name": "orders", "port": 8080, "stores": ["postgres"]}],
        "stores": [{"name": "postgres", "port": 5432, "system": "postgresql"}],
    }
)


def secret(name: str, values: dict[str, str]) -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": SPACE}, "data": data}


def objects(made: dict[str, str], store: S3Server) -> list[dict[str, Any]]:
    """The database and its backups, and what the mesh and the network let through: nothing else."""
    database = PostgresSettings.model_validate(
        {"image": made["postgres"], "databases": [DATABASE], "roles": {}, "storage": {"kind": "ephemeral"}}
    )
    assert database.roles is not None
    server_args = PostgresArgs(
        namespace=SPACE, password=PASSWORD, migrations_password=PASSWORD, services_password=PASSWORD, mesh=MESH
    )
    settings = PostgresBackupSettings.model_validate(
        {
            "image": made["postgres"],
            "storage": {"kind": "ephemeral"},
            "store": {
                "endpoint": store.at(HOST),
                "bucket": BUCKET,
                "prefix": SPACE,
                "region": REGION,
                "credentials_secret": "backup-store",
                "ca": {"secret": "authority"},
                "addresses": [f"{NODE_ADDRESS}/32"],
                "image": made["backup-store"],
            },
        }
    )
    assert settings.store is not None
    args = PostgresBackupArgs(
        namespace=SPACE,
        host=service_host("postgres", SPACE),
        user=database.roles.migrations,
        database=DATABASE,
        secret_name=database.migrations_secret_name,
        settings=settings,
        mesh=MESH,
    )
    backup = workload_pods(SPACE, settings.name)
    connections = (
        *dns_connections([SPACE]),
        *mesh_connections(MESH, [SPACE]),
        tcp(backup, workload_pods(SPACE, "postgres"), 5432),
        *(tcp(backup, Addresses(cidrs=one.addresses), one.target_port) for one in settings.store.calls()),
    )
    backups = postgres_backup_manifests(args, settings)
    for one in backups:
        if one["kind"] == "CronJob":  # the name is in no DNS
            pod = one["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            pod["hostAliases"] = [{"ip": str(NODE_ADDRESS), "hostnames": [HOST]}]
    egress = declared_egress(CATALOG, SPACE, outside={settings.name: settings.store.calls()})
    return [
        secret("backup-store", {"access_key_id": store.key, "secret_access_key": store.secret}),
        secret("authority", {"ca.crt": store.ca.read_text()}),
        *egress_manifests(egress, SPACE),
        *network_policies(SPACE, connections, MESH.proxy_ports),
        *postgres_manifests(server_args, database),
        *backups,
    ]


@pytest.fixture
def store(kubectl: Callable[..., str], tmp_path: Path) -> Iterator[S3Server]:
    """An object store on the node's bridge; a database with its backups runs in the mesh."""
    made = images.make([images.BACKUP_STORE])
    images.import_all(assemble(built=False).ctr, made.values())
    made = {**json.loads(workspace.images_file().read_text()), **made}
    labels = json.loads(kubectl("get", "namespace", "shop", "-o", "json"))["metadata"]["labels"]
    kept = {name: value for name, value in labels.items() if not name.startswith(("app.", "kubernetes.io/metadata"))}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE, "labels": kept}}
    with serving(tmp_path, NODE_ADDRESS, HOST) as running:
        try:
            items = [space, *objects(made, running)]
            kubectl("apply", "-f", "-", input=as_list(items))
            ready = ("--for=condition=Ready", "--timeout=180s")
            kubectl("rollout", "status", "-n", SPACE, "statefulset/postgres", "--timeout=180s", timeout=240)
            kubectl("wait", "-n", SPACE, "pod", "--all", *ready, timeout=240)
            yield running
        finally:
            kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=false")


def test_a_fresh_database_is_restored_from_the_object_store(kubectl: Callable[..., str], store: S3Server) -> None:
    def sql(text: str, database: str = DATABASE) -> str:
        words = ("exec", "-n", SPACE, "postgres-0", "-c", "postgres", "--", "sh", "-c", PSQL, "sh", database, text)
        return kubectl(*words).strip()

    sql("create table kept as select generate_series(1, 1000) id; alter table kept owner to app_migrations")
    said = run_job(kubectl, SPACE, "backup-now")
    (name,) = store.objects()
    assert name.startswith(f"{SPACE}/{DATABASE}/")
    file = name.rpartition("/")[2]
    assert f"{DATABASE}: {file} stored" in said
    sql(f"drop database {DATABASE} with (force)", "postgres")
    sql(f"create database {DATABASE} owner app_migrations", "postgres")

    said = run_job(kubectl, SPACE, "restore", lambda pod: restoring(pod, DATABASE))
    assert f"{DATABASE}: restored from {file}" in said
    assert sql("select count(*), sum(id) from kept") == "1000|500500"
    found = json.loads(kubectl("get", "pods", "-n", SPACE, "-l", "job-name", "-o", "json"))["items"]
    assert all("istio-proxy" in {one["name"] for one in pod["spec"]["initContainers"]} for pod in found)
    assert store.secret not in json.dumps(found) + said
