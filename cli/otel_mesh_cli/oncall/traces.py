"""Spans of a trace, as Jaeger's query API returns them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import httpx

_IN_CLUSTER = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+\.svc(\..*)?)?")
"""Host name of a Service: its short name, or with its namespace and ``.svc``."""


@dataclass(frozen=True)
class Span:
    """One span with the resource it came from."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    start_us: int
    """Start in microseconds since the epoch."""
    duration_us: int
    """Duration in microseconds."""
    tags: Mapping[str, Any] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """``server``, ``client``, ``internal``, ``producer`` or ``consumer``."""
        return str(self.tags.get("span.kind", "internal"))

    @property
    def proxy(self) -> str | None:
        """``gateway`` or ``sidecar`` for a span of a mesh proxy; None for a service's own span."""
        return self.tags.get("otel_mesh.proxy")

    @property
    def is_database(self) -> bool:
        """Whether it is a call to a datastore, by the stable semantic convention or the older one."""
        return "db.system.name" in self.tags or "db.system" in self.tags

    @property
    def outcome(self) -> str:
        """Status code, error type and datastore, as far as the span has them."""
        parts = [
            str(self.tags[key])
            for key in ("http.response.status_code", "rpc.response.status_code", "db.system.name", "error.type")
            if key in self.tags
        ]
        return " ".join(dict.fromkeys(parts))

    @property
    def end_us(self) -> int:
        """End in microseconds since the epoch."""
        return self.start_us + self.duration_us

    @property
    def callee(self) -> str | None:
        """Callee of a client span by its name in the catalog; a store by its host, else by its system."""
        for key in ("service.peer.name", "peer.service"):
            if key in self.tags:
                return str(self.tags[key])
        host = str(self.tags.get("server.address", ""))
        if _IN_CLUSTER.fullmatch(host):
            return host.partition(".")[0]
        named = self.tags.get("db.system.name") or host
        return str(named) if named else None

    @property
    def failed(self) -> bool:
        """Whether the span's status is ERROR."""
        return self.tags.get("otel.status_code") == "ERROR" or self.tags.get("error") in (True, "true")


def fetch(client: httpx.Client, jaeger_url: str, trace_id: str) -> list[Span]:
    """The spans of a trace in Jaeger now, by start time; empty while Jaeger has none.

    Raises:
        httpx.HTTPError: Jaeger does not answer, or with an error.
    """
    response = client.get(f"{jaeger_url}/api/traces/{trace_id}")
    if response.status_code == HTTPStatus.NOT_FOUND:
        return []
    response.raise_for_status()
    return [span for trace in response.json()["data"] or [] for span in parse(trace)]


def repeated(spans: Iterable[Span]) -> bool:
    """Whether a proxy of the mesh retried a request: the first attempt met a pod that was not ready."""
    sent = Counter((span.service, span.parent_id) for span in spans if span.proxy and span.kind == "client")
    return any(number > 1 for number in sent.values())


NO_PAGES = "not compiled with the UI assets"
"""Text that a Jaeger built from its Go module serves in place of its web pages."""


def page(client: httpx.Client, jaeger_url: str, trace_id: str) -> str | None:
    """URL of a trace's page; None where this Jaeger has no web pages.

    Raises:
        httpx.HTTPError: Jaeger does not answer.
    """
    return None if NO_PAGES in client.get(f"{jaeger_url}/").text else f"{jaeger_url}/trace/{trace_id}"


def parse(trace: Mapping[str, Any]) -> list[Span]:
    """The spans of one element of ``data`` in Jaeger's response, by start time."""
    processes = trace["processes"]
    spans = []
    for raw in trace["spans"]:
        process = processes[raw["processID"]]
        parents = [ref["spanID"] for ref in raw.get("references") or [] if ref["refType"] == "CHILD_OF"]
        spans.append(
            Span(
                trace_id=raw["traceID"],
                span_id=raw["spanID"],
                parent_id=parents[0] if parents else None,
                service=process["serviceName"],
                name=raw["operationName"],
                start_us=raw["startTime"],
                duration_us=raw["duration"],
                tags=_tags(raw.get("tags")),
                resource=_tags(process.get("tags")),
            )
        )
    return sorted(spans, key=lambda span: span.start_us)


def _tags(tags: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in tags or []}


def roots(spans: Iterable[Span]) -> list[Span]:
    """Spans whose parent is not among them."""
    spans = list(spans)
    known = {span.span_id for span in spans}
    return [span for span in spans if span.parent_id not in known]
