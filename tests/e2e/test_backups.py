"""A backup by the CronJob's own Job, in the mesh, and the way back by the documented command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core import waiting
from tests.e2e.backup_jobs import run_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

pytestmark = pytest.mark.e2e

SHOP = "shop"
DATABASE = "e2e_backup"
JOBS = ("e2e-backup", "e2e-restore")
PSQL = 'PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") exec psql --no-password -At -U shop -d "$1" -c "$2"'
SUCCESS = f'postgres_backup_success_time_seconds{{db_namespace="{DATABASE}"}}'


@pytest.fixture
def sql(kubectl: Callable[..., str]) -> Iterator[Callable[..., str]]:
    """Run SQL in a scratch database of the role that migrates; the Jobs and the database are removed afterwards."""

    def run(text: str, database: str = DATABASE) -> str:
        words = ("exec", "-n", SHOP, "statefulset/postgres", "--", "sh", "-c", PSQL, "sh", database, text)
        return kubectl(*words).strip()

    def clear() -> None:
        kubectl("delete", "-n", SHOP, "job", *JOBS, "--ignore-not-found", "--cascade=foreground")
        run(f"drop database if exists {DATABASE} with (force)", "user_service")

    clear()
    try:
        run(f"create database {DATABASE} owner shop_migrations", "user_service")
        yield run
    finally:
        clear()


def test_a_table_that_was_dropped_is_restored_from_the_backup(
    kubectl: Callable[..., str], sql: Callable[..., str], http: httpx.Client, settings: Mapping[str, str]
) -> None:
    sql("create table kept as select generate_series(1, 1000) id; alter table kept owner to shop_migrations")
    said = run_job(kubectl, SHOP, JOBS[0])
    assert f"{DATABASE}: dumped to " in said
    assert "order_service: dumped to " in said
    assert "reported" not in said
    sql("drop table kept")

    def restoring(pod: dict[str, Any]) -> None:
        (container,) = pod["containers"]
        container["args"] = ["/etc/otel-mesh/backup/restore.sh", DATABASE]

    said = run_job(kubectl, SHOP, JOBS[1], restoring)
    assert f"{DATABASE}: restored from " in said
    assert sql("select count(*), sum(id) from kept") == "1000|500500"

    def reported() -> list[object] | None:
        url = f"{settings['PROMETHEUS_URL']}/api/v1/query"
        found: list[object] = http.get(url, params={"query": SUCCESS}).json()["data"]["result"]
        return found or None

    waiting.wait(reported, 60, lambda: f"Prometheus has no {SUCCESS}", "see the log of the Collector")
