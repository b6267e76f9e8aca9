"""Proxies' spans sent to a real Collector, and read again after their translation."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode

from otel_mesh.collector.proxy_spans import translation
from tests.programs.collector import LoopbackCollector, file_exporters, otlp_receiver
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from opentelemetry.trace import SpanKind

    from otel_mesh.mesh.binding import ProxySpans


@dataclass(frozen=True)
class Sent:
    """A span as a proxy sends it."""

    kind: SpanKind
    attributes: Mapping[str, str]
    resource: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    """Name of the span; empty for its key, followed by ``/*``."""
    failed: bool = False
    """Whether the span's status is ERROR."""


def translated(program: Path, folder: Path, proxies: ProxySpans, sent: Mapping[str, Sent]) -> dict[str, dict[str, Any]]:
    """Each span by its key, its attributes and its resource's as plain values.

    Args:
        program: The Collector.
        folder: An empty folder.
        proxies: Kind of the proxies.
        sent: Spans by the ``service.name`` of their resource.
    """
    port = free_port()
    processors = sorted(translation(proxies), key=lambda one: one.stage)
    configuration = {
        "receivers": otlp_receiver(port),
        "processors": {one.id: one.settings for one in processors},
        "exporters": file_exporters(folder),
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": [one.id for one in processors],
                    "exporters": ["file/traces"],
                },
            },
        },
    }
    with LoopbackCollector(program, folder, configuration, port) as collector:
        for name, one in sent.items():
            resource = Resource({"service.name": name, "k8s.pod.uid": "uid-1", **one.resource})
            provider = TracerProvider(resource=resource, shutdown_on_exit=False)
            exporter = OTLPSpanExporter(endpoint=collector.endpoint, insecure=True)
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            with provider.get_tracer("proxy").start_as_current_span(
                one.name or f"{name}/*", kind=one.kind, attributes=dict(one.attributes)
            ) as span:
                if one.failed:
                    span.set_status(Status(StatusCode.ERROR))
            provider.shutdown()
        deadline = time.monotonic() + 90
        while len(collector.spans()) < len(sent) and time.monotonic() < deadline:
            time.sleep(0.1)
        batches = [one for batch in collector._batches("traces") for one in batch["resourceSpans"]]  # noqa: SLF001
    found = {}
    for batch in batches:
        resource_values = _plain(batch["resource"]["attributes"])
        (span,) = batch["scopeSpans"][0]["spans"]
        attributes = _plain(span.get("attributes", []))
        found[resource_values["service.name"]] = {**span, "attributes": attributes, "resource": resource_values}
    return found


def _plain(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    values = {one["key"]: next(iter(one["value"].items())) for one in attributes}
    return {key: int(value) if kind == "intValue" else value for key, (kind, value) in values.items()}
