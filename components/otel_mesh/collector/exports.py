"""OTLP endpoints outside the stack that a Collector exports to, beside the stack's own backends or in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from otel_mesh.collector.pipelines import Exporter
from otel_mesh.collector.queueing import exporting
from otel_mesh.core.endpoints import Remote
from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.outputs import UrlInput  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.values import DnsLabel, HttpUrl
from otel_mesh.k8s.tls_files import TlsFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    from otel_mesh.collector.queueing import Batching
    from otel_mesh.core.endpoints import SecretKey
    from otel_mesh.k8s.containers import Volume
    from otel_mesh.k8s.resources import Storage

Signal = Literal["traces", "metrics", "logs"]
"""Kind of telemetry."""

SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics", "logs")

_TLS_DIR: Final = "/etc/otel-collector-tls"


class OtlpEndpoint(Remote):
    """An OTLP receiver outside the stack.

    Attributes:
        endpoint: URL of the receiver. For gRPC ``https://host:port``; for HTTP the base URL, to which ``/v1/traces``,
            ``/v1/metrics`` or ``/v1/logs`` is added. ``http://`` means no TLS.
        protocol: Transport of OTLP.
        compression: Compression of requests.
    """

    endpoint: UrlInput
    protocol: Literal["grpc", "http"] = "grpc"
    compression: Literal["gzip", "zstd", "snappy", "none"] = "gzip"

    @model_validator(mode="after")
    def _fits_the_protocol(self) -> Self:
        if self.protocol != "grpc" or not isinstance(self.endpoint, str):
            return self
        parts = urlsplit(self.endpoint)
        problems = []
        if parts.port is None:
            remedy = "add it, such as https://otlp.example.com:4317, or set protocol to http"
            problems.append(Problem("endpoint", "names no port, which OTLP over gRPC requires", remedy))
        if parts.path.strip("/"):
            remedy = "remove the path, or set protocol to http"
            problems.append(Problem("endpoint", "has a path, which OTLP over gRPC does not use", remedy))
        if problems:
            raise InvalidSettingsError(problems)
        return self


class Export(OtlpEndpoint):
    """A further OTLP receiver that telemetry is copied to.

    Attributes:
        signals: Kinds of telemetry that are sent.
    """

    signals: tuple[Signal, ...] = Field(default=SIGNALS, min_length=1)


class OutsideBackend(OtlpEndpoint):
    """A backend outside the stack, in place of the stack's own.

    Attributes:
        query_url: Base URL of the query API for on-call commands and Grafana; None where it has no API that they know
            (Jaeger's, Prometheus' or VictoriaLogs').
    """

    query_url: HttpUrl | None = None


def chosen(exports: Mapping[str, Export], signals: Iterable[Signal]) -> dict[str, Export]:
    """The exports that get at least one of the signals."""
    wanted = set(signals)
    return {name: one for name, one in exports.items() if wanted.intersection(one.signals)}


def exporters(
    exports: Mapping[str, Export], signal: Signal, batching: Batching, storage: Storage
) -> tuple[Exporter, ...]:
    """The exporters of one signal.

    Args:
        exports: Exports by name.
        signal: Kind of telemetry.
        batching: Batching and queueing of the exporters.
        storage: Storage of their queues.
    """
    return tuple(_exporter(name, one, batching, storage) for name, one in chosen(exports, [signal]).items())


def _exporter(name: str, export: Export, batching: Batching, storage: Storage) -> Exporter:
    grpc = export.protocol == "grpc"
    settings: dict[str, Any] = {
        "endpoint": urlsplit(export.url).netloc if grpc else export.url.rstrip("/"),
        "compression": export.compression,
    }
    if not export.encrypted:
        settings["tls"] = {"insecure": True}
    elif export.tls is not None:
        settings["tls"] = _files(name, export).collector_settings()
    if export.headers:
        settings["headers"] = {header: f"${{env:{_variable(name, header)}}}" for header in export.headers}
    return Exporter(f"otlp_{export.protocol}/{name}", {**settings, **exporting(batching, storage)})


def metric_readers(exports: Mapping[str, Export], interval_ms: int) -> list[dict[str, Any]]:
    """The readers of the Collector's own metrics that send them to the exports.

    Args:
        exports: Exports by name.
        interval_ms: Interval of sending in milliseconds.
    """
    return [_reader(name, one, interval_ms) for name, one in chosen(exports, ["metrics"]).items()]


def _reader(name: str, export: Export, interval_ms: int) -> dict[str, Any]:
    grpc = export.protocol == "grpc"
    url = export.url.rstrip("/")
    otlp: dict[str, Any] = {
        "protocol": "grpc" if grpc else "http/protobuf",
        "endpoint": url if grpc else f"{url}/v1/metrics",
        # the only one that the Collector's own telemetry knows
        "compression": "none" if export.compression == "none" else "gzip",
    }
    if export.tls is not None:
        otlp |= _files(name, export).telemetry_settings()
    if export.headers:
        otlp["headers"] = [
            {"name": header, "value": f"${{env:{_variable(name, header)}}}"} for header in export.headers
        ]
    return {"periodic": {"interval": interval_ms, "exporter": {"otlp": otlp}}}


def secret_environment(exports: Mapping[str, Export]) -> dict[str, SecretKey]:
    """The environment variables with the exports' headers, which the configuration refers to."""
    return {_variable(name, header): source for name, one in exports.items() for header, source in one.headers.items()}


def tls_volumes(exports: Mapping[str, Export]) -> tuple[Volume, ...]:
    """The volumes with the exports' certificates."""
    return tuple(
        volume for name, one in exports.items() if one.tls is not None for volume in _files(name, one).volumes()
    )


def _files(name: str, export: Export) -> TlsFiles:
    return TlsFiles(name=f"tls-{name}", folder=f"{_TLS_DIR}/{name}", tls=export.tls)


def _variable(name: str, header: str) -> str:
    """``EXPORT_<NAME>__<HEADER>``; headers have no double dash, so that no two variables are the same."""
    return f"EXPORT_{name}__{header}".upper().replace("-", "_")


ExportName = Annotated[DnsLabel, Field(max_length=40)]
"""Name of an export, part of the exporter's id and of a volume's name."""
