"""Network connections of the Collectors, the backends and Grafana: with each other, with those outside the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from otel_mesh import (
    OTLP_GRPC_PORT,
    Addresses,
    AlertmanagerAddress,
    AlertmanagerSettings,
    JaegerSettings,
    OutsideBackend,
    Pods,
    PrometheusSettings,
    VictoriaLogsSettings,
    is_in_cluster,
    tcp,
    workload_pods,
)
from otel_mesh_stack import backends

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh import Connection
    from otel_mesh_stack.model import StackSettings


def scraper(settings: StackSettings) -> Pods | Addresses:
    """What scrapes the proxies: the stack's own Prometheus, or one of which only the cluster knows where it runs."""
    if isinstance(settings.prometheus, PrometheusSettings):
        return workload_pods(settings.namespaces.observability, settings.prometheus.name)
    return Addresses()


def telemetry_connections(settings: StackSettings) -> Iterator[Connection]:
    """Connections of the programs of the observability namespace, apart from the senders of telemetry."""
    yield from _collectors(settings)
    yield from _scrapes(settings)
    yield from _alerts(settings)
    yield from _queries(settings)
    yield from _stores_elsewhere(settings)
    yield from _api_server(settings)


def _collectors(settings: StackSettings) -> Iterator[Connection]:
    place = settings.namespaces.observability
    collector = last = workload_pods(place, settings.collector.name)
    if settings.tail_sampler is not None:
        last = workload_pods(place, settings.tail_sampler.name)
        yield tcp(collector, last, OTLP_GRPC_PORT)
    if isinstance(settings.jaeger, JaegerSettings):
        yield tcp(last, workload_pods(place, settings.jaeger.name), OTLP_GRPC_PORT)
    if isinstance(settings.victoria_logs, VictoriaLogsSettings):
        yield tcp(collector, workload_pods(place, settings.victoria_logs.name), settings.victoria_logs.QUERY_PORT)
    for sender in dict.fromkeys([collector.name, last.name]):
        if isinstance(settings.prometheus, PrometheusSettings):
            prometheus = workload_pods(place, settings.prometheus.name)
            yield tcp(workload_pods(place, sender), prometheus, settings.prometheus.QUERY_PORT)
        for one in backends.exports(settings).values():
            yield _outside(workload_pods(place, sender), one.host, one.port)


def _scrapes(settings: StackSettings) -> Iterator[Connection]:
    place, source = settings.namespaces.observability, scraper(settings)
    if isinstance(settings.prometheus, OutsideBackend) and settings.prometheus.operator is None:
        return
    if isinstance(settings.jaeger, JaegerSettings):
        yield tcp(source, workload_pods(place, settings.jaeger.name), settings.jaeger.METRICS_PORT)
    if isinstance(settings.victoria_logs, VictoriaLogsSettings):
        yield tcp(source, workload_pods(place, settings.victoria_logs.name), settings.victoria_logs.QUERY_PORT)
    if settings.grafana is not None:
        yield tcp(source, workload_pods(place, settings.grafana.name), settings.grafana.QUERY_PORT)


def _alerts(settings: StackSettings) -> Iterator[Connection]:
    place, alertmanager, source = settings.namespaces.observability, settings.alertmanager, scraper(settings)
    if isinstance(alertmanager, AlertmanagerAddress):
        yield _outside(source, alertmanager.host, alertmanager.port)
    elif alertmanager is not None:
        pods = workload_pods(place, alertmanager.name)
        yield tcp(source, pods, alertmanager.QUERY_PORT)
        yield tcp(pods, pods, alertmanager.PEER_PORT)
        if alertmanager.receivers:
            yield tcp(pods, Addresses())  # their addresses may be in Secrets


def _queries(settings: StackSettings) -> Iterator[Connection]:
    if settings.grafana is None:
        return
    place = settings.namespaces.observability
    grafana = workload_pods(place, settings.grafana.name)
    for name, port in _pages(settings).items():
        if name != settings.grafana.name:
            yield tcp(grafana, workload_pods(place, name), port)
    for one in backends.outside(settings).values():
        if one.query_url is not None:
            url = urlsplit(one.query_url)
            yield _outside(grafana, str(url.hostname), url.port or (443 if url.scheme == "https" else 80))


def _stores_elsewhere(settings: StackSettings) -> Iterator[Connection]:
    """From backends whose data is stored, or copied, outside the stack, at addresses that DNS decides."""
    place, jaeger, prometheus = settings.namespaces.observability, settings.jaeger, settings.prometheus
    if isinstance(jaeger, JaegerSettings) and (jaeger.elasticsearch or jaeger.opensearch or jaeger.cassandra):
        yield tcp(workload_pods(place, jaeger.name), Addresses())
    if isinstance(prometheus, PrometheusSettings):
        for one in prometheus.remote_write.values():
            yield _outside(workload_pods(place, prometheus.name), one.host, one.port)


def _api_server(settings: StackSettings) -> Iterator[Connection]:
    """To the API server from those that discover pods by it, and from its proxy to the backends' pages."""
    place, own = settings.namespaces.observability, settings.network_policies
    server = Addresses(cidrs=own.api_server_addresses)
    discovering = [settings.collector.name]
    if isinstance(settings.prometheus, PrometheusSettings):
        discovering.append(settings.prometheus.name)
    if settings.tail_sampler is not None:
        discovering.append(settings.tail_sampler.name)
    for name in discovering:
        yield tcp(workload_pods(place, name), server, *own.api_server_ports)
    if own.api_server_addresses:
        for name, port in _pages(settings).items():
            yield tcp(server, workload_pods(place, name), port)


def _pages(settings: StackSettings) -> dict[str, int]:
    """Port of the query API of each of the stack's own backends, by the name of the workload."""
    found = {}
    if isinstance(settings.jaeger, JaegerSettings):
        found[settings.jaeger.name] = settings.jaeger.QUERY_PORT
    if isinstance(settings.victoria_logs, VictoriaLogsSettings):
        found[settings.victoria_logs.name] = settings.victoria_logs.QUERY_PORT
    if isinstance(settings.prometheus, PrometheusSettings):
        found[settings.prometheus.name] = settings.prometheus.QUERY_PORT
    if isinstance(settings.alertmanager, AlertmanagerSettings):
        found[settings.alertmanager.name] = settings.alertmanager.QUERY_PORT
    if settings.grafana is not None:
        found[settings.grafana.name] = settings.grafana.QUERY_PORT
    return found


def _outside(source: Pods | Addresses, host: str, port: int) -> Connection:
    """To a host of another stack; of a Service in the cluster only the namespace is known, not its pods' ports."""
    if is_in_cluster(host) and "." in host:
        return tcp(source, Pods(namespace=host.split(".")[1]))
    return tcp(source, Addresses(), port)
