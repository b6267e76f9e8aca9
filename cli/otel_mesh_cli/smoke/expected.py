"""The trace that a request must leave behind, with the spans of the mesh's proxies where there is a mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.oncall import traces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh_cli.oncall.traces import Span
    from otel_mesh_cli.stacks.local_stack import Proxies


@dataclass(frozen=True)
class Branch:
    """One span with its children."""

    service: str
    """``service.name`` of the span."""
    kind: str
    """``server``, ``client`` or ``internal``."""
    children: tuple[Branch, ...] = ()
    """Child spans in any order; calls to stores are left out."""
    proxy: bool = False
    """Whether the span is the proxy's, and not the service's own."""
    name: str = ""
    """Name of the span, where it tells siblings apart."""

    def __str__(self) -> str:
        """The span in words."""
        who = f"the proxy of {self.service}" if self.proxy else self.service
        named = f" named {self.name!r}" if self.name else ""
        return f"a{'n' if self.kind == 'internal' else ''} {self.kind} span of {who}{named}"

    def matches(self, span: Span) -> bool:
        """Whether a span is this one, whatever its children are."""
        if span.is_database or self.name not in ("", span.name):
            return False
        return (span.service, span.kind, span.proxy is not None) == (self.service, self.kind, self.proxy)

    def spans(self) -> Iterator[Branch]:
        """This span and all its descendants, parents first."""
        yield self
        for child in self.children:
            yield from child.spans()


def served(service: str, proxies: Proxies, *children: Branch) -> Branch:
    """A request as its service serves it, behind the service's proxy."""
    own = Branch(service, "server", children)
    return Branch(service, "server", (_inside(own, proxies),), proxy=True) if proxies.kind else own


def _inside(inner: Branch, proxies: Proxies) -> Branch:
    """A span below the one that Linkerd's proxies make of a request between themselves and their own workload."""
    return Branch(inner.service, "internal", (inner,), proxy=True) if proxies.linkerd else inner


def step(service: str, name: str, *children: Branch) -> Branch:
    """A step of what a service does."""
    return Branch(service, "internal", children, name=name)


def call(caller: str, callee: Branch, proxies: Proxies) -> Branch:
    """A call from one service to another, through the caller's proxy."""
    sent = _inside(Branch(caller, "client", (callee,), proxy=True), proxies) if proxies.kind else callee
    return Branch(caller, "client", (sent,))


def entered(first: Branch, proxies: Proxies) -> Branch:
    """A request from outside, through the mesh's gateway if it has one."""
    gateway = proxies.gateway
    if gateway is None or proxies.kind == "linkerd":  # not a gateway that makes spans
        return first
    sent = Branch(gateway, "client", (first,), proxy=True)
    if proxies.linkerd:  # the proxy beside the gateway
        sent = Branch(gateway, "client", (_inside(sent, proxies),), proxy=True)
    return Branch(gateway, "server", (sent,), proxy=True)


def problems(spans: Sequence[Span], expected: Branch, storing: frozenset[str]) -> list[str]:
    """What is wrong with a trace, in words; empty if it is exactly the expected one.

    The number of calls to stores is not checked; each must be a child of the service's own span.

    Args:
        spans: Spans of the trace.
        expected: The root span.
        storing: Services that must have called a store; no other may.
    """
    line = [span for span in spans if not span.is_database]
    found = [f"missing {one}" for one in _missing(line, traces.roots(line), expected, "")]
    if not found and (more := len(line) - len(list(expected.spans()))) > 0:
        found.append(f"{more} unexpected span{'s' if more > 1 else ''}")
    parents = {span.span_id: span.service for span in line if span.proxy is None}
    stores = [span for span in spans if span.is_database]
    found += [
        f"span {span.name} of {span.service} is no child of a span of {span.service} that may call a store"
        for span in stores
        if parents.get(span.parent_id or "") != span.service or span.service not in storing
    ]
    missing = storing - {span.service for span in stores}
    return found + [f"{MISSING_STORE} of {service}" for service in sorted(missing)]


MISSING_STORE = "missing a database span"
"""Beginning of what `problems` says of a service without a call to any store."""


def _missing(line: Sequence[Span], at: Sequence[Span], expected: Branch, above: str) -> Iterator[str]:
    matching = [span for span in at if expected.matches(span)]
    if len(matching) != 1:
        yield f"{expected}{above}"
        return
    below = [span for span in line if span.parent_id == matching[0].span_id]
    for branch in expected.children:
        yield from _missing(line, below, branch, f" below {expected}")
