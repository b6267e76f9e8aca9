"""B11: backends outside by the setting of the stack's own: what is deployed, exported, warned of, said on call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
import yaml

from otel_mesh import alert_names, rule_files
from otel_mesh_stack import backends, gaps, outputs
from otel_mesh_stack.deploy import deploy
from otel_mesh_stack.outputs import OutsideApi, ServicePort, Telemetry
from otel_mesh_stack.rules import rule_files as own_rules
from tests.components.pulumi_program import settle
from tests.infra.stack_config import accepted, changed, use

if TYPE_CHECKING:
    import asyncio

    from tests.components.pulumi_program import Mocks

LOGIN = {"secret": "credentials-of-vendor", "key": "line-of-header"}
OTLP = {"endpoint": "https://otlp.example.com:4317", "headers": {"authorization": LOGIN}}
QUERIES = {
    "jaeger": "https://jaeger.example.com",
    "prometheus": "https://prometheus.example.com",
    "victoria_logs": "https://logs.example.com",
}
OUTSIDE = {part: {**OTLP, "query_url": url} for part, url in QUERIES.items()}
OPERATED = {
    "endpoint": "http://prometheus-operated.monitoring.svc:9090/api/v1/otlp",
    "protocol": "http",
    "query_url": "http://prometheus-operated.monitoring.svc:9090",
    "operator": {"labels": {"release": "monitoring"}},
}
SCENARIOS: dict[str, dict[str, Any]] = {
    "outside": OUTSIDE,
    "second": {"collector": {"exports": {"vendor": OTLP}, "storage": {"kind": "persistent"}}, "storage_class": "ssd"},
    "operator": {"prometheus": OPERATED},
}


class Deployed:
    """What the stack's program did."""

    def __init__(self, mocks: Mocks, exported: dict[str, Any], warnings: list[str]) -> None:
        self.mocks, self.exported, self.warnings = mocks, exported, warnings

    def objects(self, kind: str) -> dict[str, dict[str, Any]]:
        """The objects of a kind by name."""
        found = [one.inputs for one in self.mocks.registered if one.typ.rsplit(":", 1)[-1] == kind]
        return {one["metadata"]["name"]: one for one in found if "metadata" in one}

    def config(self, name: str) -> dict[str, Any]:
        """The configuration of a Collector."""
        read: dict[str, Any] = yaml.safe_load(self.objects("ConfigMap")[name]["data"]["config.yaml"])
        return read


@pytest.fixture
def deployed(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a function
    def run(**values: Any) -> Deployed:  # noqa: ANN401 - settings
        found: dict[str, Any] = {}
        warnings: list[str] = []
        mocks = use(changed(**{"mesh__kind": "none", **values}), "local")
        monkeypatch.setattr(pulumi, "export", found.__setitem__)
        monkeypatch.setattr(pulumi.log, "warn", warnings.append)
        deploy()
        settle(loop)
        return Deployed(mocks, found, warnings)

    return run


def test_with_all_backends_outside_only_the_collectors_are_deployed(deployed: Any) -> None:  # noqa: ANN401
    stack = deployed(**OUTSIDE, tail_sampler={"replicas": 2})
    ours = set(stack.objects("Deployment")) & {"jaeger", "prometheus", "victoria-logs", "otel-collector"}
    assert ours == {"otel-collector"}
    pipelines = stack.config("otel-collector")["service"]["pipelines"]
    assert {name: pipelines[name]["exporters"] for name in ("traces", "metrics", "logs")} == {
        "traces": ["load_balancing/traces"],
        "metrics": ["otlp_grpc/prometheus"],
        "logs": ["otlp_grpc/victoria-logs"],
    }
    sampled = stack.config("otel-sampler")["service"]["pipelines"]["traces/sampled"]
    assert sampled["exporters"] == ["otlp_grpc/jaeger"]
    telemetry = Telemetry.model_validate(stack.exported[outputs.TELEMETRY])
    assert (telemetry.jaeger, telemetry.prometheus, telemetry.logs) == tuple(
        OutsideApi(url=url) for url in QUERIES.values()
    )


def test_a_second_endpoint_stands_beside_the_backends_and_the_queue_is_on_the_stacks_class(deployed: Any) -> None:  # noqa: ANN401
    stack = deployed(**SCENARIOS["second"])
    assert {"jaeger", "prometheus", "victoria-logs"} <= set(stack.objects("Deployment"))
    pipelines = stack.config("otel-collector")["service"]["pipelines"]
    assert pipelines["traces"]["exporters"] == ["otlp_grpc/traces", "otlp_grpc/vendor", "forward/service_graph"]
    assert pipelines["logs"]["exporters"] == ["otlp_http/logs", "otlp_grpc/vendor"]
    (template,) = stack.objects("StatefulSet")["otel-collector"]["spec"]["volumeClaimTemplates"]
    assert template["spec"]["storageClassName"] == "ssd"
    assert stack.warnings == []


def test_an_operator_gets_objects_in_place_of_our_prometheus(deployed: Any) -> None:  # noqa: ANN401
    stack = deployed(**SCENARIOS["operator"])
    assert "prometheus" not in stack.objects("Deployment")
    assert set(stack.objects("ServiceMonitor")) == {"jaeger", "victoria-logs", "alertmanager"}
    rules = {**rule_files(), **own_rules(), "objectives.rules.yaml": ""}
    assert set(stack.objects("PrometheusRule")) == {
        name.removesuffix(".rules.yaml").replace("_", "-") for name in rules
    }
    assert stack.config("otel-collector")["exporters"]["otlp_http/prometheus"]["endpoint"] == OPERATED["endpoint"]
    assert stack.warnings == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_object_but_a_pod_names_the_secret_of_an_export(deployed: Any, scenario: str) -> None:  # noqa: ANN401
    stack = deployed(**SCENARIOS[scenario])
    naming = {
        one.typ.rsplit(":", 1)[-1]
        for one in stack.mocks.registered
        if any(word in json.dumps(one.inputs, default=str) for word in LOGIN.values())
    }
    used = "authorization" in json.dumps(SCENARIOS[scenario])
    assert naming <= {"Deployment", "StatefulSet"}
    assert bool(naming) == used


def test_a_preview_warns_of_alerts_that_nothing_evaluates_and_of_targets_that_nothing_scrapes(deployed: Any) -> None:  # noqa: ANN401
    stack = deployed(prometheus=OUTSIDE["prometheus"])
    evaluated, scraped = stack.warnings
    alerts = alert_names({**rule_files(), **own_rules()})
    assert evaluated.startswith(
        "prometheus: metrics go to https://otlp.example.com:4317: nothing in this stack evaluates"
    )
    assert all(alert in evaluated for names in alerts.values() for alert in names)
    without_data = [*alerts[gaps.OF_LOG_STORE], *alerts[gaps.OF_ALERTING]]
    assert scraped == (
        "prometheus: nothing in this stack scrapes jaeger, victoria-logs, alertmanager. Scrape them there; "
        f"until then these alerts have no data: {', '.join(without_data)}"
    )


def test_a_preview_warns_of_the_log_stores_alerts_without_data(deployed: Any) -> None:  # noqa: ANN401
    stack = deployed(victoria_logs=OUTSIDE["victoria_logs"])
    (sentence,) = stack.warnings
    alerts = alert_names(rule_files())[gaps.OF_LOG_STORE]
    assert sentence == (
        f"victoria_logs: logs go to https://otlp.example.com:4317: these alerts have no data: {', '.join(alerts)}"
    )


def test_only_some_rule_files_need_scraping() -> None:
    """Alerts of other files are about pushed series: a metric of a scraped program there would be missed."""
    words = ('"vl_', " vl_", "(vl_", "istio_requests", "mesh-proxies", "alertmanager_", "(prometheus_")
    for name, text in {**rule_files(), **own_rules()}.items():
        scraped = any(word in text for word in words)
        assert scraped == (name in (gaps.OF_LOG_STORE, gaps.OF_PROXIES, gaps.OF_ALERTING)), name


def test_an_unknown_query_api_is_part_of_the_outputs() -> None:
    found = outputs.telemetry(accepted(changed(jaeger=OTLP)).settings)
    assert found.jaeger == OutsideApi(url=None)
    assert isinstance(found.prometheus, ServicePort)
    assert Telemetry.model_validate(found.model_dump(mode="json")) == found


def test_hosts_outside_the_cluster_are_those_of_collectors_in_the_mesh() -> None:
    exports = {"near": {"endpoint": "http://otlp.tools.svc:4317"}, "far": {"endpoint": "https://far.example.com:4317"}}
    settings = accepted(changed(jaeger=OTLP, collector__exports=exports)).settings
    assert {(one.host, one.port, one.protocol) for one in backends.egress(settings)} == {
        ("otlp.example.com", 4317, "TLS"),
        ("far.example.com", 4317, "TLS"),
    }
    assert backends.egress(accepted(changed(jaeger=OTLP, collector__meshed=False)).settings) == ()
    assert backends.egress(accepted(changed()).settings) == ()
