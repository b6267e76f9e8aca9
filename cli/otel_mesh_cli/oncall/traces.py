"""Traces as Jaeger's query API returns them, and their picture as a tree."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from rich.text import Text
from rich.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import httpx

_IN_CLUSTER = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+\.svc(\..*)?)?")
"""Host of a Service, as short as a pod of its namespace may call it."""

_DEEP = 8
_NARROW, _NARROW_ASCII = ("  ", "│ ", "├╴", "└╴"), ("  ", "| ", "+-", "`-")
"""With a mesh, each call is four levels: they have to fit on a screen."""


@dataclass(frozen=True)
class Span:
    """One span with the resource it came from."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    start_us: int
    """Microseconds since the epoch."""
    duration_us: int
    tags: Mapping[str, Any] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """``server``, ``client``, ``internal``, ``producer``, ``consumer``."""
        return str(self.tags.get("span.kind", "internal"))

    @property
    def proxy(self) -> str | None:
        """Which proxy made it, ``gateway`` or ``sidecar``; None for a service's own span."""
        return self.tags.get("otel_mesh.proxy")

    @property
    def is_database(self) -> bool:
        """Whether it is a call to a datastore, by the stable semantic convention or the older one."""
        return "db.system.name" in self.tags or "db.system" in self.tags

    @property
    def outcome(self) -> str:
        """What a person wants to see behind the name: status code, error type or datastore."""
        parts = [
            str(self.tags[key])
            for key in ("http.response.status_code", "rpc.response.status_code", "db.system.name", "error.type")
            if key in self.tags
        ]
        return " ".join(dict.fromkeys(parts))

    @property
    def end_us(self) -> int:
        """Microseconds since the epoch."""
        return self.start_us + self.duration_us

    @property
    def callee(self) -> str | None:
        """Whom a client's span calls, by its name in the catalogue; a store by its host's, else by its system's."""
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
    """The spans of a trace that Jaeger holds now, by start time; none while it does not know the trace.

    Raises:
        httpx.HTTPError: Jaeger could not be asked, or answered with a server error.
    """
    response = client.get(f"{jaeger_url}/api/traces/{trace_id}")
    if response.status_code == HTTPStatus.NOT_FOUND:
        return []
    response.raise_for_status()
    return [span for trace in response.json()["data"] or [] for span in parse(trace)]


def repeated(spans: Iterable[Span]) -> bool:
    """Whether a proxy of the mesh sent a request more than once: the first try met a pod on its way."""
    sent = Counter((span.service, span.parent_id) for span in spans if span.proxy and span.kind == "client")
    return any(number > 1 for number in sent.values())


_NO_PAGES = "not compiled with the UI assets"
"""What a Jaeger built from its Go module shows in place of its pages."""


def pages(client: httpx.Client, jaeger_url: str) -> str | None:
    """Where a Jaeger has its traces' pages, each below its trace id; None where it has none.

    Raises:
        httpx.HTTPError: Jaeger could not be asked.
    """
    return None if _NO_PAGES in client.get(f"{jaeger_url}/").text else f"{jaeger_url}/trace"


def page(client: httpx.Client, jaeger_url: str, trace_id: str) -> str | None:
    """The address of a trace's page; None where that Jaeger shows no pages.

    Raises:
        httpx.HTTPError: Jaeger could not be asked.
    """
    return f"{home}/{trace_id}" if (home := pages(client, jaeger_url)) else None


def parse(trace: Mapping[str, Any]) -> list[Span]:
    """The spans of one element of ``data`` in Jaeger's answer, by start time."""
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
    """The spans whose parent is not among them."""
    spans = list(spans)
    known = {span.span_id for span in spans}
    return [span for span in spans if span.parent_id not in known]


def tree(spans: Iterable[Span], below: Mapping[str, Sequence[Text]] | None = None) -> Tree:
    """The trace as a person reads it: who called whom, how long it took, how it ended.

    Args:
        spans: of the trace, at least one.
        below: what stands directly below a span, by its id.
    """
    spans = list(spans)
    known = {span.span_id for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in spans:
        children.setdefault(span.parent_id if span.parent_id in known else None, []).append(span)
    start = min(span.start_us for span in spans)
    total = max(span.start_us + span.duration_us for span in spans) - start
    head = Text.assemble("trace ", (spans[0].trace_id, "bold"), f"  {len(spans)} spans  {total / 1000:.1f} ms")
    picture = Tree(head)
    todo = [(picture, span, 1) for span in reversed(children.get(None, []))]
    deepest = 0
    while todo:
        branch, span, depth = todo.pop()
        deepest = max(deepest, depth)
        node = branch.add(_line(span, start))
        for line in (below or {}).get(span.span_id, ()):
            node.add(line)
        todo += [(node, child, depth + 1) for child in reversed(children.get(span.span_id, []))]
    if deepest > _DEEP:
        picture.TREE_GUIDES = [_NARROW] * len(Tree.TREE_GUIDES)
        picture.ASCII_GUIDES = _NARROW_ASCII
    return picture


def _line(span: Span, start_us: int) -> Text:
    return Text.assemble(
        (span.service, "cyan"),
        (f" ({span.proxy})" if span.proxy else "", "magenta"),
        "  ",
        (span.name, "bold"),
        f"  {span.kind}",
        f"  {span.duration_us / 1000:.1f} ms at +{(span.start_us - start_us) / 1000:.1f}",
        (f"  {span.outcome}" if span.outcome else "", "red" if span.failed else "green"),
    )
