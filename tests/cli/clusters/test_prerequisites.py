"""The Secrets that a cluster has to have before a stack's first update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from otel_mesh.core.errors import parse
from otel_mesh_cli.clusters import prerequisites
from otel_mesh_cli.clusters.kube import Kube
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import Done
from otel_mesh_stack.model import StackSettings
from tests.infra.stack_config import stack_settings

if TYPE_CHECKING:
    from pathlib import Path


class Asked:
    """What a cluster was asked for: namespace, name and keys of each Secret."""

    def __init__(self) -> None:
        self.generated: list[tuple[str, ...]] = []
        self.given: list[tuple[str, ...]] = []
        self.certificates: list[tuple[str, ...]] = []

    def require_secret(self, *words: str) -> None:
        self.generated.append(words)

    def require_given(self, *words: str) -> None:
        self.given.append(words)

    def require_certificate(self, *words: str) -> None:
        self.certificates.append(words)


def asked(**changes: Any) -> Asked:  # noqa: ANN401 - of a stack file
    found = Asked()
    settings = parse(StackSettings, {**stack_settings("prod"), **changes})
    prerequisites.require_secrets(settings, cast("Kube", found))
    return found


def test_production_asks_for_passwords_a_certificate_and_where_alerts_go() -> None:
    found = asked()
    stores = ("postgres-credentials", "postgres-credentials-migrations", "postgres-credentials-services")
    passwords = [("shop", name, "password") for name in (*stores, "redis-credentials")]
    assert found.generated == [*passwords, ("observability", "grafana-credentials", "password")]
    assert found.given == [("observability", "alert-receivers", "on-call-url")]
    assert found.certificates == [("istio-ingress", "gateway-certificate")]


def test_stores_outside_are_asked_for_logins_and_authorities_that_nobody_generates() -> None:
    database = {"host": "db.example.com", "services_secret": "rows", "migrations_secret": "schema"}
    found = asked(
        postgres={**database, "addresses": ["192.0.2.1/32"], "tls": {"ca": {"secret": "authority"}}},
        redis={"host": "cache.example.com", "login_secret": "cache", "tls": {"ca": {"config_map": "authority"}}},
        postgres_backup=None,
        grafana=None,
        alertmanager=None,
    )
    assert found.generated == []
    login = ("username", "password")
    assert found.given == [
        *(("shop", name, *login) for name in ("rows", "schema", "cache")),
        ("shop", "authority", "ca.crt"),
    ]


def test_the_remedy_for_a_login_takes_its_values_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kube = Kube(tmp_path / "kubectl", "there")

    def without_secrets(_: Kube, *words: str) -> Done:
        missing = Done("kubectl", 1, stderr="Error from server (NotFound)")
        return missing if words[:2] == ("get", "secret") else Done("kubectl", 0)

    monkeypatch.setattr(Kube, "_run", without_secrets)
    with pytest.raises(CommandError) as refused:
        kube.require_given("shop", "rows", "username", "password")
    assert refused.value.remedy.endswith(
        "kubectl --context there -n shop create secret generic rows "
        "--from-file=username=<file with the username> --from-file=password=<file with the password>"
    )
