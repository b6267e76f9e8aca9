"""S2.12: the service map that real Collectors count from spans, with and without proxies, in one tier and in two."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_mesh import OtelCollectorSettings, PrometheusSettings, ServiceGraph, TailSamplerSettings
from otel_mesh.backends.prometheus.component import prometheus_config
from otel_mesh.collector.config import collector_config
from otel_mesh.collector.proxy_statements import PROXY
from otel_mesh.k8s.manifests import to_yaml
from otel_mesh_cli.oncall import backends, service_map
from otel_mesh_cli.oncall.prometheus import Prometheus
from tests.app_images.telemetry.otlp_sending import send, span
from tests.app_images.telemetry.sampling_tiers import on_loopback, tiers
from tests.components.collector.test_envoy_spans import INBOUND, UPSTREAM
from tests.programs.collector import LoopbackCollector, file_exporters
from tests.programs.prometheus import LoopbackPrometheus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.built import Built


SERVER, CLIENT, INTERNAL = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_INTERNAL
GRAPH = ServiceGraph(wait_seconds=6)
"""Halves of a call are sent one after the other; a busy machine is to send the second before that time is over."""
SETTINGS = OtelCollectorSettings(metrics_interval_seconds=1, service_graph=GRAPH)
Edges = dict[tuple[str, str], tuple[int, int]]
"""Caller and callee; calls, and failed ones among them."""

USERS = {"service.peer.name": "user-service", "server.address": "user-service.shop.svc.cluster.local"}
STORE = {"db.system.name": "postgresql", "server.address": "postgres.shop.svc.cluster.local"}
EXPECTED: Edges = {
    ("user", "api-gateway"): (10, 2),
    ("api-gateway", "user-service"): (10, 2),
    ("user-service", "postgres"): (8, 0),
    ("user-service", "postgresql"): (1, 1),
    ("api-gateway", "external"): (1, 0),
}
"""What `shop` amounts to: a 404 is an answer, and a store without a host's name has its system's."""
MAILS = 60
"""Further traces, enough for both samplers to get some."""


@pytest.fixture(scope="module")
def program(built: Built) -> Path:
    return built("otelcol") / "otelcol"


def plain(program: Path, folder: Path, settings: OtelCollectorSettings = SETTINGS) -> LoopbackCollector:
    return _alone(program, folder, collector_config(settings))


def _alone(program: Path, folder: Path, config: dict[str, Any]) -> LoopbackCollector:
    """The Collector of a stack without a sampler, into files."""
    config["exporters"] = file_exporters(folder)
    pipelines = config["service"]["pipelines"]
    pipelines["traces"]["exporters"][0] = "file/traces"
    pipelines["metrics/service_graph"]["exporters"] = ["file/metrics"]
    del pipelines["metrics"], pipelines["logs"]
    return on_loopback(program, folder, config)


def shop() -> dict[str, list[Span]]:
    """Ten requests: one user is missing, one call fails at its database, one finds nobody, as services tell of them."""
    found: dict[str, list[Span]] = {"api-gateway": [], "user-service": []}
    for trace in range(1, 11):
        missing, broken, alone = trace == 2, trace == 3, trace == 4
        status = 404 if missing else 500 if broken else 200
        told: dict[str, str | int] = {**USERS}
        if not alone:
            told["http.response.status_code"] = status
        answer = {"http.response.status_code": 502 if alone or broken else status}
        found["api-gateway"] += [
            span(trace, 1, kind=SERVER, error=alone or broken, attributes=answer),
            span(trace, 2, parent=1, kind=CLIENT, error=missing or broken or alone, attributes=told),
        ]
        if not alone:
            store = {"db.system.name": "postgresql"} if broken else STORE
            found["user-service"] += [
                span(trace, 3, parent=2, kind=SERVER, error=broken, attributes={"http.response.status_code": status}),
                span(trace, 4, parent=3, kind=CLIENT, error=broken, attributes=store),
            ]
    elsewhere: dict[str, str | int] = {"server.address": "mail.example.com", "http.response.status_code": 429}
    found["api-gateway"].append(span(1, 6, parent=1, kind=CLIENT, error=True, attributes=elsewhere))
    return found


def counted(collectors: Iterable[LoopbackCollector]) -> Edges:
    found: Edges = {}
    for collector in collectors:
        latest: dict[tuple[str, str, str, bool], int] = {}
        for point in collector.points("traces_service_graph_request_total"):
            labels = {one["key"]: next(iter(one["value"].values())) for one in point["attributes"]}
            key = (labels["client"], labels["server"], labels["connection_type"], labels["failed"])
            latest[key] = int(point["asInt"])
        for (client, server, _, failed), calls in latest.items():
            before = found.get((client, server), (0, 0))
            found[client, server] = (before[0] + calls, before[1] + (calls if failed else 0))
    return found


def settled(collectors: list[LoopbackCollector], expected: Edges) -> None:
    """Wait until the edges are those, and see that they remain so."""
    end = time.monotonic() + 90
    while (found := counted(collectors)) != expected and time.monotonic() < end:
        time.sleep(0.3)
    assert found == expected, collectors[0].log()
    time.sleep(GRAPH.wait_seconds + 3)
    assert counted(collectors) == expected


def test_each_call_is_counted_once_with_its_callee_s_view_of_the_outcome(program: Path, tmp_path: Path) -> None:
    with plain(program, tmp_path / "collector") as collector:
        for service, spans in shop().items():
            send(collector.port, service, *spans)  # as the services' batches, which do not come together
        settled([collector], EXPECTED)


def test_durations_are_those_of_caller_and_callee(program: Path, tmp_path: Path) -> None:
    with plain(program, tmp_path / "collector") as collector:
        send(collector.port, "a", span(1, 1, kind=CLIENT, milliseconds=400, attributes={"service.peer.name": "b"}))
        send(collector.port, "b", span(1, 2, parent=1, kind=SERVER, milliseconds=80))
        settled([collector], {("a", "b"): (1, 0)})
        for side, seconds in (("client", 0.4), ("server", 0.08)):
            point = collector.points(f"traces_service_graph_request_{side}")[-1]
            assert point["sum"] == pytest.approx(seconds)
            assert point["explicitBounds"][0] == 0.005


def _beside(one: Span, number: int, parent: int, kind: Span.SpanKind.ValueType, like: dict[str, str]) -> Span:
    """A proxy's span in the trace of a service's, with its status."""
    status = next((a.value.int_value for a in one.attributes if a.key == "http.response.status_code"), 503)
    made = span(0, number, parent=parent, kind=kind, attributes={**like, "http.status_code": str(status)})
    made.trace_id = one.trace_id
    return made


def proxied(spans: dict[str, list[Span]]) -> dict[str, list[Span]]:
    """The same requests through sidecars and a gateway: each call to a service has a proxy at either end."""
    found: dict[str, list[Span]] = {"ingress": [], "api-gateway": [], "user-service": []}
    outbound = {**INBOUND, "upstream_cluster": "outbound|8081||user-service.shop.svc.cluster.local"}
    for one in spans["api-gateway"]:
        found["api-gateway"].append(one)
        if one.kind == SERVER:
            found["ingress"] += [
                _beside(one, 11, 0, SERVER, {**UPSTREAM, "http.method": "GET"}),
                _beside(one, 12, 11, CLIENT, UPSTREAM),
            ]
            found["api-gateway"].append(_beside(one, 13, 12, SERVER, INBOUND))
            one.parent_span_id = (13).to_bytes(8, "big")
        elif any(a.value.string_value == "user-service" for a in one.attributes):
            found["api-gateway"].append(_beside(one, 14, 2, CLIENT, outbound))
    for one in spans["user-service"]:
        found["user-service"].append(one)
        if one.kind == SERVER:
            found["user-service"].append(_beside(one, 15, 14, SERVER, INBOUND))
            one.parent_span_id = (15).to_bytes(8, "big")
    return found


def test_proxies_between_the_services_change_no_number(program: Path, tmp_path: Path) -> None:
    config = collector_config(SETTINGS, proxy_spans="envoy")
    with _alone(program, tmp_path / "collector", config) as collector:
        for service, spans in proxied(shop()).items():
            send(collector.port, service, *spans)
        expected = {pair: number for pair, number in EXPECTED.items() if pair[0] != "user"}
        settled([collector], {**expected, ("user", "ingress"): (10, 2), ("ingress", "api-gateway"): (10, 2)})


def through_linkerd(spans: dict[str, list[Span]]) -> dict[str, list[Span]]:
    """The same requests through Linkerd's proxies, by sender: each makes a span where a request comes in and goes out.

    The proxies' spans are as the Collector has translated them.
    """
    found: dict[str, list[Span]] = {"api-gateway": [], "user-service": []}

    def proxy(one: Span, number: int, parent: int, kind: Span.SpanKind.ValueType, **more: str) -> Span:
        status = next((a.value.int_value for a in one.attributes if a.key == "http.response.status_code"), 503)
        attributes: dict[str, str | int] = {PROXY: "sidecar", "http.response.status_code": status, **more}
        failed = status >= (400 if kind == CLIENT else 500)
        made = span(0, number, parent=parent, kind=kind, error=failed, attributes=attributes)
        made.trace_id = one.trace_id
        return made

    for one in spans["api-gateway"]:
        found["api-gateway"].append(one)
        if one.kind == SERVER:
            found["api-gateway"] += [proxy(one, 11, 0, SERVER), proxy(one, 12, 11, INTERNAL)]
            one.parent_span_id = (12).to_bytes(8, "big")
        elif any(a.value.string_value == "user-service" for a in one.attributes):
            address = {"server.address": "user-service.shop.svc.cluster.local"}
            found["api-gateway"] += [proxy(one, 13, 2, INTERNAL), proxy(one, 14, 13, CLIENT, **address)]
    for one in spans["user-service"]:
        found["user-service"].append(one)
        if one.kind == SERVER:
            found["user-service"] += [proxy(one, 15, 14, SERVER), proxy(one, 16, 15, INTERNAL)]
            one.parent_span_id = (16).to_bytes(8, "big")
    return found


def test_linkerd_s_proxies_between_the_services_change_no_number(program: Path, tmp_path: Path) -> None:
    config = collector_config(SETTINGS, proxy_spans="linkerd")
    with _alone(program, tmp_path / "collector", config) as collector:
        for service, spans in through_linkerd(shop()).items():
            send(collector.port, service, *spans)
        settled([collector], EXPECTED)


def test_a_gateway_of_envoy_in_front_of_linkerd_is_counted_once(program: Path, tmp_path: Path) -> None:
    """Envoy's client span and the span of Linkerd's proxy beside it are of the same call."""
    beside: dict[str, str | int] = {PROXY: "sidecar", "http.response.status_code": 200}
    called = {"server.address": "api-gateway.shop.svc.cluster.local"}
    config = collector_config(SETTINGS, proxy_spans="envoy+linkerd")
    with _alone(program, tmp_path / "collector", config) as collector:
        entering = [
            span(1, 11, kind=SERVER, attributes={**UPSTREAM, "http.method": "GET", "http.status_code": "200"}),
            span(1, 12, parent=11, kind=CLIENT, attributes={**UPSTREAM, "http.status_code": "200"}),
            span(1, 13, parent=12, kind=INTERNAL, attributes=beside),
            span(1, 14, parent=13, kind=CLIENT, attributes={**beside, **called}),
        ]
        entered = [
            span(1, 15, parent=14, kind=SERVER, attributes=beside),
            span(1, 16, parent=15, kind=INTERNAL, attributes=beside),
            span(1, 17, parent=16, kind=SERVER, attributes={"http.response.status_code": 200}),
        ]
        send(collector.port, "ingress", *entering)
        send(collector.port, "api-gateway", *entered)
        settled([collector], {("user", "ingress"): (1, 0), ("ingress", "api-gateway"): (1, 0)})


def test_grpc_calls_through_linkerd_are_counted_as_their_caller_tells_them(program: Path, tmp_path: Path) -> None:
    rpc: dict[str, str | int] = {"rpc.system.name": "grpc", **USERS}
    failed = {**rpc, "rpc.response.status_code": "UNAVAILABLE"}
    unknown = {**rpc, PROXY: "sidecar", "http.response.status_code": 200}
    config = collector_config(SETTINGS, proxy_spans="linkerd")
    with _alone(program, tmp_path / "collector", config) as collector:
        calling = [
            span(1, 2, kind=CLIENT, error=True, attributes=failed),
            span(1, 13, parent=2, kind=INTERNAL, attributes=unknown),
            span(1, 14, parent=13, kind=CLIENT, attributes=unknown),
        ]
        called = [
            span(1, 15, parent=14, kind=SERVER, attributes=unknown),
            span(1, 16, parent=15, kind=INTERNAL, attributes=unknown),
            span(1, 3, parent=16, kind=SERVER, error=True, attributes=failed),
        ]
        send(collector.port, "api-gateway", *calling)
        send(collector.port, "user-service", *called)
        settled([collector], {("api-gateway", "user-service"): (1, 1)})


def test_samplers_count_what_they_do_not_keep(program: Path, tmp_path: Path) -> None:
    settings = TailSamplerSettings(
        decision_wait_seconds=2, sampling_percentage=0, metrics_interval_seconds=1, service_graph=GRAPH
    )
    with tiers(program, tmp_path, settings) as running:
        for service, spans in shop().items():
            for number, collector in enumerate(running.collectors):
                send(collector.port, service, *spans[number::2])
        # which sampler a trace goes to depends on their ports: of ten, all may go to one
        mails = [
            span(trace, 1, kind=CLIENT, attributes={"server.address": "mail.example.com"})
            for trace in range(101, 101 + MAILS)
        ]
        send(running.collectors[0].port, "api-gateway", *mails)
        calls, failed = EXPECTED["api-gateway", "external"]
        settled(running.samplers, {**EXPECTED, ("api-gateway", "external"): (calls + MAILS, failed)})
        assert all(counted([sampler]) for sampler in running.samplers), "both have their part"
        kept = {one["traceId"] for spans in running.kept() for one in spans}
        assert 0 < len(kept) < 10


def test_several_collectors_without_a_sampler_count_calls_as_callers_tell_them(program: Path, tmp_path: Path) -> None:
    with plain(program, tmp_path / "one") as one, plain(program, tmp_path / "other") as other:
        for collector, (service, spans) in zip((one, other), shop().items(), strict=True):
            send(collector.port, service, *spans)
        settled([one, other], EXPECTED)
        kinds = {
            next(iter(label["value"].values()))
            for point in one.points("traces_service_graph_request_total")
            for label in point["attributes"]
            if label["key"] == "connection_type"
        }
        assert kinds == {"virtual_node"}
        assert not any(
            point["sum"] for point in one.points("traces_service_graph_request_server") if _is(point, "user-service")
        )


def _is(point: dict[str, Any], server: str) -> bool:
    return any(one["key"] == "server" and one["value"] == {"stringValue": server} for one in point["attributes"])


def test_what_waits_for_its_other_half_is_bounded(program: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"service_graph": ServiceGraph(wait_seconds=6, pending=100)})
    with plain(program, tmp_path / "collector", settings) as collector:
        lone = [span(number, 1, kind=CLIENT, attributes={"service.peer.name": "b"}) for number in range(1, 501)]
        send(collector.port, "a", *lone)
        settled([collector], {("a", "b"): (100, 0)})


def test_hosts_outside_are_one_callee_whatever_their_number(program: Path, tmp_path: Path) -> None:
    with plain(program, tmp_path / "collector") as collector:
        hosts = [
            span(number, 1, kind=CLIENT, attributes={"server.address": f"host-{number}.example.com"})
            for number in range(1, 201)
        ]
        send(collector.port, "a", *hosts)
        settled([collector], {("a", "external"): (200, 0)})


def test_the_map_is_read_from_prometheus_without_losing_the_first_call(
    program: Path, tmp_path: Path, built: Built
) -> None:
    (tmp_path / "prometheus.yml").write_text(to_yaml(prometheus_config(PrometheusSettings(), {})))
    prometheus = LoopbackPrometheus(built("prometheus") / "prometheus", tmp_path / "prometheus.yml", tmp_path)
    with prometheus:
        config = collector_config(
            SETTINGS.model_copy(update={"batching": SETTINGS.batching.model_copy(update={"timeout": "200ms"})})
        )
        config["exporters"]["otlp_grpc/traces"]["endpoint"] = "127.0.0.1:9"
        config["exporters"]["otlp_http/metrics"]["endpoint"] = prometheus.otlp_url
        with on_loopback(program, tmp_path / "collector", config) as collector, backends.loopback_client() as http:
            for service, spans in shop().items():
                send(collector.port, service, *spans)
            api = Prometheus(backends.at_url(http, "prometheus", f"http://127.0.0.1:{prometheus.port}", ""))
            end = time.monotonic() + 90
            expected = {pair: (float(calls), float(failed)) for pair, (calls, failed) in EXPECTED.items()}
            found: dict[tuple[str, str], tuple[float, float]] = {}
            while found != expected and time.monotonic() < end:
                time.sleep(0.5)
                seen = service_map.observed(api, "5m")
                found = {pair: (calls, failed) for pair, calls, failed, _ in seen}
            assert found == expected, collector.log()
            quantiles = {pair: seconds for pair, _, _, seconds in seen}
            assert all(seconds is not None and 0 < seconds <= 0.005 for seconds in quantiles.values()), quantiles
