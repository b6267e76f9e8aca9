"""Start and shutdown of the telemetry of a process."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import threading
from typing import TYPE_CHECKING

from opentelemetry import metrics, propagate, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.environment_variables import OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

from otel_mesh_telemetry import console
from otel_mesh_telemetry.config import Config
from otel_mesh_telemetry.deadlined import all_within
from otel_mesh_telemetry.exporters import log_exporter, metric_exporter, span_exporter
from otel_mesh_telemetry.logs import Logging, Redaction
from otel_mesh_telemetry.propagation import build_propagator
from otel_mesh_telemetry.resource import build_resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from opentelemetry.sdk.resources import Resource

_log = logging.getLogger(__name__)

SHUTDOWN_DEADLINE = 5.0
"""Default timeout of :meth:`Telemetry.shutdown` in seconds; the termination grace period of a pod is 30."""


class TelemetryStoppedError(RuntimeError):
    """Telemetry of this process has been shut down and cannot be restarted."""


class Telemetry:
    """Traces, metrics and logs of this process; created by :func:`init`.

    Attributes:
        config: Settings of telemetry.
        resource: Resource of all spans, metrics and log records.
        tracer_provider: The SDK's provider of tracers, installed as the global one.
        meter_provider: The SDK's provider of meters, installed as the global one.
        logger_provider: The SDK's provider of loggers, installed as the global one.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.resource: Resource = build_resource(config.aliases)
        self._stopped = threading.Event()
        self._stop_lock = threading.Lock()
        self._exporter_stops: list[Callable[[], None]] = []
        self.meter_provider = self._make_meter_provider()
        self.tracer_provider = TracerProvider(
            resource=self.resource,
            sampler=config.sampler,
            shutdown_on_exit=False,
            meter_provider=self.meter_provider,
        )
        self.logger_provider = LoggerProvider(
            resource=self.resource, shutdown_on_exit=False, meter_provider=self.meter_provider
        )
        with _internal_metrics():
            self._add_processors()
        self._logging = Logging(
            config.log_level,
            str(self.resource.attributes.get("service.name", "")),
            self.logger_provider if self._wants("logs") else None,
        )

    def _wants(self, signal_name: str) -> bool:
        return not self.config.disabled and self.config.exporters[signal_name] == "otlp"

    def _prints(self, signal_name: str) -> bool:
        return not self.config.disabled and self.config.exporters[signal_name] == "console"

    def _make_meter_provider(self) -> MeterProvider:
        if self._prints("metrics"):
            exporter = console.metric_exporter()
        elif self._wants("metrics"):
            exporter = metric_exporter(self.config.protocols["metrics"])
        else:
            return MeterProvider(resource=self.resource, shutdown_on_exit=False)
        self._exporter_stops.append(exporter.shutdown)
        reader = PeriodicExportingMetricReader(exporter)
        return MeterProvider([reader], resource=self.resource, shutdown_on_exit=False)

    def _add_processors(self) -> None:
        if self._prints("traces"):
            self.tracer_provider.add_span_processor(SimpleSpanProcessor(console.span_exporter()))
        if self._wants("traces"):
            batching = self.config.batching["traces"]
            spans = span_exporter(self.config.protocols["traces"], batching.timeout)
            self._exporter_stops.append(spans.shutdown)
            self.tracer_provider.add_span_processor(
                BatchSpanProcessor(
                    spans,
                    max_queue_size=batching.queue_size,
                    max_export_batch_size=batching.batch_size,
                    schedule_delay_millis=batching.delay * 1000,
                    meter_provider=self.meter_provider,
                )
            )
        if self._wants("logs"):
            batching = self.config.batching["logs"]
            records = log_exporter(self.config.protocols["logs"], batching.timeout)
            self._exporter_stops.append(records.shutdown)
            self.logger_provider.add_log_record_processor(Redaction())
            self.logger_provider.add_log_record_processor(
                BatchLogRecordProcessor(
                    records,
                    max_queue_size=batching.queue_size,
                    max_export_batch_size=batching.batch_size,
                    schedule_delay_millis=batching.delay * 1000,
                    meter_provider=self.meter_provider,
                )
            )

    @property
    def stopped(self) -> bool:
        """True after :meth:`shutdown`."""
        return self._stopped.is_set()

    def flush(self, timeout: float = SHUTDOWN_DEADLINE) -> bool:
        """Export everything that is queued.

        Args:
            timeout: Maximum time to wait, in seconds.

        Returns:
            True if everything was exported in time.
        """
        return all_within(
            timeout,
            (
                lambda: self.tracer_provider.force_flush(int(timeout * 1000)),
                lambda: self.logger_provider.force_flush(int(timeout * 1000)),
                lambda: self.meter_provider.force_flush(timeout * 1000),
            ),
        )

    def shutdown(self, timeout: float = SHUTDOWN_DEADLINE) -> bool:
        """Flush and stop all three signals; later telemetry is dropped, later calls do nothing.

        It returns after ``timeout`` seconds even if the Collector is unreachable or does not respond. It may be called
        from signal handlers and from several threads.

        Args:
            timeout: Maximum time to wait, in seconds.

        Returns:
            True if everything was exported in time, or if telemetry had been shut down before.
        """
        with self._stop_lock:
            if self._stopped.is_set():
                return True
            self._stopped.set()
        _log.debug("telemetry is shutting down")
        done = all_within(
            timeout,
            (
                self.tracer_provider.shutdown,
                self.logger_provider.shutdown,
                lambda: self.meter_provider.shutdown(timeout * 1000),
            ),
        )
        if not done:
            # A running export blocks its thread until the exporter's timeout; closing its channel ends it.
            all_within(0.5, self._exporter_stops)
        self._logging.stop_export()
        return done


@contextlib.contextmanager
def _internal_metrics() -> Iterator[None]:
    """Enable the SDK's metrics of exported and dropped items, for processors and exporters created inside.

    The SDK reads this switch from the environment whenever it creates a component. It must not apply to tracers created
    later: their metrics cost two measurements per span, those of processors one per batch and per drop.
    """
    before = os.environ.get(OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED)
    os.environ[OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED] = before or "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ[OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED]


_init_lock = threading.Lock()
_running: list[Telemetry] = []  # at most one: the SDK's global providers can be set only once


def init(config: Config | None = None, *, handle_sigterm: bool = True) -> Telemetry:
    """Start telemetry for this process: traces, metrics and logs over OTLP, propagators, JSON logs on stdout.

    Call it once, before any tracer is used; until :meth:`Telemetry.shutdown`, later calls return the same object.
    Queued telemetry is flushed at exit, and on SIGTERM unless another handler is installed.

    Args:
        config: Settings of telemetry; read from the environment by default.
        handle_sigterm: True: flush and end the process on SIGTERM, unless another handler is installed.

    Raises:
        ConfigError: The environment holds invalid values.
        TelemetryStoppedError: Telemetry was shut down before. The SDK's global providers can be set only once per
            process, so later telemetry would not be exported.
    """
    with _init_lock:
        if _running:
            if _running[0].stopped:
                raise TelemetryStoppedError(
                    "init() after shutdown(): OpenTelemetry's providers can't be started twice in a process; "
                    "call shutdown() only at the end of the process, and flush() before that"
                )
            return _running[0]
        telemetry = Telemetry(config or Config.from_env())
        _running.append(telemetry)
    trace.set_tracer_provider(telemetry.tracer_provider)
    metrics.set_meter_provider(telemetry.meter_provider)
    set_logger_provider(telemetry.logger_provider)
    propagate.set_global_textmap(build_propagator(telemetry.config.propagators))
    atexit.register(telemetry.shutdown)
    if handle_sigterm and threading.current_thread() is threading.main_thread():
        _flush_on_sigterm(telemetry)
    return telemetry


def _flush_on_sigterm(telemetry: Telemetry) -> None:
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def handler(signum: int, _frame: FrameType | None) -> None:
        telemetry.shutdown()
        signal.signal(signum, signal.SIG_DFL)
        signal.raise_signal(signum)

    signal.signal(signal.SIGTERM, handler)
