"""A collector for tests: takes OTLP over gRPC and keeps it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


def plain(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """OTLP attributes as a dictionary."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in attributes}


class Receiver(
    trace_service_pb2_grpc.TraceServiceServicer,
    metrics_service_pb2_grpc.MetricsServiceServicer,
    logs_service_pb2_grpc.LogsServiceServicer,
):
    """Keeps what it gets; :attr:`stalled` makes it accept calls and answer none."""

    def __init__(self, port: int = 0, credentials: grpc.ServerCredentials | None = None) -> None:
        self.stalled = threading.Event()
        self._released = threading.Event()
        self.spans: list[tuple[dict[str, Any], Span]] = []
        self.metrics: list[tuple[dict[str, Any], Any]] = []
        self.records: list[tuple[dict[str, Any], LogRecord]] = []
        self.metadata: list[dict[str, str]] = []
        self._server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        if credentials is None:
            self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        else:
            self.port = self._server.add_secure_port(f"127.0.0.1:{port}", credentials)
        self.endpoint = f"http{'s' if credentials else ''}://127.0.0.1:{self.port}"

    def Export(self, request: Any, context: Any) -> Any:  # noqa: ANN401, N802 - three services, one name in the protocol
        self.metadata.append(dict(context.invocation_metadata()))
        if self.stalled.is_set():
            self._released.wait(60)
        if isinstance(request, trace_service_pb2.ExportTraceServiceRequest):
            for resource in request.resource_spans:
                about = plain(resource.resource.attributes)
                self.spans += [(about, span) for scope in resource.scope_spans for span in scope.spans]
            return trace_service_pb2.ExportTraceServiceResponse()
        if isinstance(request, metrics_service_pb2.ExportMetricsServiceRequest):
            for metrics in request.resource_metrics:
                about = plain(metrics.resource.attributes)
                self.metrics += [(about, metric) for scope in metrics.scope_metrics for metric in scope.metrics]
            return metrics_service_pb2.ExportMetricsServiceResponse()
        for logs in request.resource_logs:
            about = plain(logs.resource.attributes)
            self.records += [(about, record) for scope in logs.scope_logs for record in scope.log_records]
        return logs_service_pb2.ExportLogsServiceResponse()

    def wait_for(self, found: Callable[[], bool], timeout: float = 120.0) -> None:
        """Wait until the condition holds; fail the test when it does not."""
        end = time.monotonic() + timeout
        while not found():
            assert time.monotonic() < end, f"not received in {timeout:g} s: {[s.name for _, s in self.spans]}"
            time.sleep(0.02)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._released.set()
        self._server.stop(0).wait(5)
