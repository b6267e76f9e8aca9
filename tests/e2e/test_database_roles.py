"""S2.9 on the running environment: roles that may change the services' schema, and access to their password."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_stack.services import CATALOG, POSTGRES
from tests.e2e.orders import rows

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.e2e

SERVICES = [service.name for service in CATALOG.services if POSTGRES in service.stores]
OWNERS = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'e2e_note'"
DROP = """
import os, pathlib, psycopg
password = pathlib.Path(os.environ["DATABASE_PASSWORD_FILE"]).read_text().strip()
names = {"host": "DATABASE_HOST", "port": "DATABASE_PORT", "dbname": "DATABASE_NAME", "user": "DATABASE_USER"}
with psycopg.connect(password=password, **{key: os.environ[name] for key, name in names.items()}) as connection:
    try:
        connection.execute("DROP TABLE schema_migrations")
    except psycopg.errors.InsufficientPrivilege:
        print("refused to", connection.info.user)
"""


@pytest.mark.parametrize("service", SERVICES)
def test_the_serving_role_owns_no_database_object(kubectl: Callable[..., str], service: str) -> None:
    assert rows(kubectl, service.replace("-", "_"), OWNERS) == [["shop_migrations"]]
    words = ("-n", "shop", "exec", f"deploy/{service}", "-c", service, "--", "python", "-c", DROP)
    assert kubectl(*words).strip() == "refused to shop_services"


@pytest.mark.parametrize("service", SERVICES)
def test_no_serving_container_has_the_password_of_the_migrations(kubectl: Callable[..., str], service: str) -> None:
    deployment: dict[str, Any] = json.loads(kubectl("-n", "shop", "get", "deploy", service, "-o", "json"))
    spec = deployment["spec"]["template"]["spec"]
    volumes = {one["name"]: one.get("secret", {}).get("secretName") for one in spec["volumes"]}
    mounted = {
        container["name"]: {volumes[mount["name"]] for mount in container["volumeMounts"]} - {None}
        for container in (*spec["initContainers"], *spec["containers"])
    }
    assert mounted["migrate"] == {"postgres-credentials-migrations"}
    assert "postgres-credentials-services" in mounted[service]
    assert not mounted[service] & {"postgres-credentials", "postgres-credentials-migrations"}


def test_each_pod_of_a_rollout_finds_its_schema_migrated(kubectl: Callable[..., str]) -> None:
    kubectl("-n", "shop", "rollout", "restart", "deploy/payment-service")
    kubectl("-n", "shop", "rollout", "status", "deploy/payment-service", "--timeout=180s")
    pods = json.loads(kubectl("-n", "shop", "get", "pods", "-l", "app=payment-service", "-o", "json"))["items"]
    newest = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))  # the former pod may still be ending
    lines = kubectl("-n", "shop", "logs", newest["metadata"]["name"], "-c", "migrate").splitlines()
    assert json.loads(lines[-1])["message"] == "schema is up to date"
