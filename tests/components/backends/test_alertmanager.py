"""Alertmanager: its configuration is read and routed by the real amtool, and Prometheus' by the real promtool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh import AlertmanagerAddress, AlertmanagerArgs, AlertmanagerSettings, PrometheusSettings
from otel_mesh.backends.alertmanager import alertmanager_arguments, alertmanager_config, alertmanager_manifests
from otel_mesh.backends.prometheus.alerting import alerting_volumes
from otel_mesh.backends.prometheus.component import prometheus_config
from otel_mesh.k8s.manifests import to_yaml
from tests.components.scenarios import ALERTS
from tests.programs.command import output_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.built import Built

SETTINGS = {"nobody": AlertmanagerSettings(), "every kind": ALERTS}
ADDRESSES: dict[str, dict[str, Any]] = {
    "of the stack": {
        "endpoint": "http://alertmanager-peers.observability.svc.cluster.local:9093",
        "every_address": True,
    },
    "outside": {
        "endpoint": "https://alerts.example.com/alertmanager",
        "tls": {"ca": {"secret": "authority"}, "client_secret": "client"},
        "bearer_token": {"secret": "alerts", "key": "token"},
        "headers": {"x-scope-orgid": {"secret": "alerts", "key": "tenant"}},
    },
}


@pytest.mark.parametrize("name", SETTINGS)
def test_amtool_accepts_the_configuration(name: str, built: Built, tmp_path: Path) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text(to_yaml(alertmanager_config(SETTINGS[name])))
    assert "SUCCESS" in output_of(built("amtool") / "amtool", "check-config", config)


@pytest.mark.parametrize(("severity", "receiver"), [("critical", "pager"), ("warning", "team"), ("info", "all")])
def test_amtool_routes_by_severity(severity: str, receiver: str, built: Built, tmp_path: Path) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text(to_yaml(alertmanager_config(ALERTS)))
    amtool = built("amtool") / "amtool"
    told = output_of(
        amtool, "config", "routes", "test", f"--config.file={config}", f"severity={severity}", "alertname=A"
    )
    assert told.strip() == receiver


def test_no_secret_is_in_the_configuration() -> None:
    """Every one is a file, which the program reads when it needs it."""
    keys = [key for one in alertmanager_config(ALERTS)["receivers"] for kind in one.values() for key in _keys(kind)]
    assert {"routing_key_file", "api_url_file", "auth_password_file", "url_file", "credentials_file"} <= set(keys)
    assert not {"routing_key", "api_url", "auth_password", "url", "credentials"} & set(keys)


def _keys(value: object) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for one in value.values() for key in _keys(one))]
    return [key for one in value for key in _keys(one)] if isinstance(value, list) else []


def test_a_critical_alert_mutes_warnings_only_by_labels_that_it_has() -> None:
    """Otherwise one without these labels would mute the warnings of everything that lacks them too."""
    for rule in alertmanager_config(AlertmanagerSettings())["inhibit_rules"]:
        assert {f'{label}!=""' for label in rule["equal"]} <= set(rule["source_matchers"])


def test_replicas_know_each_other_and_one_alone_listens_for_none() -> None:
    assert "--cluster.listen-address=" in alertmanager_arguments(AlertmanagerSettings())
    several = alertmanager_arguments(AlertmanagerSettings(replicas=3))
    assert [one for one in several if one.startswith("--cluster.peer=")] == [
        f"--cluster.peer=alertmanager-{number}.alertmanager-peers:9094" for number in range(3)
    ]


def test_each_replica_is_scraped_by_itself() -> None:
    """Behind one name, every scrape would reach another pod's counters."""
    assert AlertmanagerSettings(replicas=2).metrics_targets("ns") == {
        f"alertmanager-{number}": f"alertmanager-{number}.alertmanager-peers.ns.svc.cluster.local:9093"
        for number in range(2)
    }


def test_its_own_service_has_an_address_that_can_be_forwarded_to() -> None:
    """Only the further Service, for the replicas and Prometheus, resolves to the addresses of the pods."""
    made = alertmanager_manifests(AlertmanagerArgs(namespace="ns"), ALERTS)
    services = {one["metadata"]["name"]: one["spec"].get("clusterIP") for one in made if one["kind"] == "Service"}
    assert services == {"alertmanager": None, "alertmanager-peers": "None"}
    (pods,) = (one for one in made if one["kind"] == "StatefulSet")
    assert pods["spec"]["serviceName"] == "alertmanager-peers"


@pytest.mark.parametrize("name", ADDRESSES)
def test_promtool_accepts_the_address(name: str, built: Built, tmp_path: Path) -> None:
    address = AlertmanagerAddress.model_validate(ADDRESSES[name])
    text = to_yaml(prometheus_config(PrometheusSettings(), {}, alertmanager=address))
    for volume in alerting_volumes(address):  # promtool reads the files
        place = tmp_path / volume.path.lstrip("/")
        place.mkdir(parents=True)
        for key in ("token", "tenant", "ca.crt", "tls.crt", "tls.key"):
            (place / key).touch()
        text = text.replace(volume.path, str(place))
    config = tmp_path / "prometheus.yml"
    config.write_text(text)
    assert "is valid prometheus config file syntax" in output_of(
        built("promtool") / "promtool", "check", "config", "--syntax-only", config
    )


def test_every_alertmanager_of_the_stack_gets_all_alerts() -> None:
    address = AlertmanagerAddress.model_validate(ADDRESSES["of the stack"])
    (one,) = prometheus_config(PrometheusSettings(), {}, alertmanager=address)["alerting"]["alertmanagers"]
    names = ["alertmanager-peers.observability.svc.cluster.local"]
    assert one == {"scheme": "http", "dns_sd_configs": [{"names": names, "type": "A", "port": 9093}]}
    assert "alerting" not in prometheus_config(PrometheusSettings(), {})
