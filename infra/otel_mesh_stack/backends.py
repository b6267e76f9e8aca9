"""Backends of telemetry: each is a component of the stack, or an address outside by the same setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator

from otel_mesh import (
    EgressHost,
    Export,
    JaegerSettings,
    OtlpEndpoint,
    OutsideBackend,
    OwnOr,
    Problem,
    PrometheusMonitorsSettings,
    PrometheusSettings,
    Signal,
    VictoriaLogsSettings,
    is_in_cluster,
    join_path,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh_stack.model import StackSettings


class OutsideMetrics(OutsideBackend):
    """A metrics backend outside the stack.

    Attributes:
        operator: Objects for a Prometheus Operator in the cluster, whose Prometheus then evaluates the alert rules and
            scrapes; None for a backend that only stores what is sent.
    """

    operator: PrometheusMonitorsSettings | None = None


TracesBackend: TypeAlias = Annotated[
    JaegerSettings | OutsideBackend, BeforeValidator(OwnOr(JaegerSettings, OutsideBackend, "Jaeger"))
]
MetricsBackend: TypeAlias = Annotated[
    PrometheusSettings | OutsideMetrics, BeforeValidator(OwnOr(PrometheusSettings, OutsideMetrics, "Prometheus"))
]
LogsBackend: TypeAlias = Annotated[
    VictoriaLogsSettings | OutsideBackend, BeforeValidator(OwnOr(VictoriaLogsSettings, OutsideBackend, "VictoriaLogs"))
]

_SIGNALS: Final[dict[str, Signal]] = {"jaeger": "traces", "prometheus": "metrics", "victoria_logs": "logs"}
"""Setting of a backend -> kind of telemetry that it stores."""

_PLAIN: Final[dict[str, Literal["GRPC", "HTTP"]]] = {"grpc": "GRPC", "http": "HTTP"}

_QUERIED_BY_GRAFANA: Final = ("jaeger", "prometheus")


def export_name(part: str) -> str:
    """Name of the export to the backend outside that a setting names."""
    return part.replace("_", "-")


def outside(settings: StackSettings) -> dict[str, OutsideBackend]:
    """The backends outside the stack, by setting."""
    found = {part: getattr(settings, part) for part in _SIGNALS}
    return {part: one for part, one in found.items() if isinstance(one, OutsideBackend)}


def exports(settings: StackSettings) -> dict[str, Export]:
    """All OTLP endpoints outside: in place of the stack's backends, and beside them."""
    replaced = {
        export_name(part): Export(
            signals=(_SIGNALS[part],), **{name: getattr(one, name) for name in OtlpEndpoint.model_fields}
        )
        for part, one in outside(settings).items()
    }
    return {**replaced, **settings.collector.exports}


def egress(settings: StackSettings) -> tuple[EgressHost, ...]:
    """The servers outside the cluster that Collectors in the mesh send telemetry to."""
    senders = [one for one in (settings.collector, settings.tail_sampler) if one is not None]
    if not any(one.meshed for one in senders):
        return ()
    return tuple(
        EgressHost(host=one.host, port=one.port, protocol="TLS" if one.encrypted else _PLAIN[one.protocol])
        for one in exports(settings).values()
        if not is_in_cluster(one.host)
    )


def problems(settings: StackSettings) -> Iterator[Problem]:
    """Contradictions between the backends and other settings."""
    away = outside(settings)
    for part in away:
        name = export_name(part)
        if name in settings.collector.exports:
            path = join_path("collector", "exports", name)
            yield Problem(path, f"is the name of the export to '{part}'", "choose another name")
    if settings.collector.traces_only:
        yield Problem("collector.traces_only", "drops metrics, but the stack has a backend of metrics", "remove it")
    if settings.tail_sampler is not None and settings.tail_sampler.exports:
        yield Problem("tail_sampler.exports", "is taken from collector.exports", "move it there")
    for part in _QUERIED_BY_GRAFANA:
        if settings.grafana is not None and part in away and away[part].query_url is None:
            reason = "required but missing: Grafana's data source"
            yield Problem(f"{part}.query_url", reason, "set it, or set grafana to null")
