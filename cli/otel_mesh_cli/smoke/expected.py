"""The tree that the trace of a chain of calls has to be, with the mesh's proxies where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.oncall import traces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh_cli.oncall.traces import Span
    from otel_mesh_cli.stacks.stack_mesh import StackMesh


@dataclass(frozen=True)
class Hop:
    """One span on the way down."""

    service: str
    kind: str
    """``server``, ``client`` or ``internal``."""
    proxy: bool = False
    """Whether the service's proxy makes it, and not the service."""

    def __str__(self) -> str:
        """As a person says it."""
        who = f"the proxy of {self.service}" if self.proxy else self.service
        return f"a{'n' if self.kind == 'internal' else ''} {self.kind} span of {who}"

    def matches(self, span: Span) -> bool:
        """Whether a span is this one."""
        made = (span.service, span.kind, span.proxy is not None)
        return made == (self.service, self.kind, self.proxy) and not span.is_database


def hops(services: Sequence[str], mesh: StackMesh) -> list[Hop]:
    """The spans of a request that goes down a chain of services, each the parent of the next."""
    return list(_hops(services, mesh))


def _hops(services: Sequence[str], mesh: StackMesh) -> Iterator[Hop]:
    if mesh.installed:
        yield Hop(mesh.gateway, "server", proxy=True)
        yield Hop(mesh.gateway, "client", proxy=True)
    for number, service in enumerate(services):
        if mesh.installed:
            yield Hop(service, "server", proxy=True)
        yield Hop(service, "server")
        if number < len(services) - 1:
            yield Hop(service, "client")
            if mesh.installed:
                yield Hop(service, "client", proxy=True)


def differences(spans: Sequence[Span], expected: Sequence[Hop]) -> list[str]:
    """What keeps a trace from being exactly that chain, in words; nothing when it is.

    Calls to stores are left out of it: their number is the service's own affair, but each must hang below the last
    service's server span.
    """
    line = [span for span in spans if not span.is_database]
    found: list[str] = []
    at = traces.roots(line)
    for hop in expected:
        fitting = [span for span in at if hop.matches(span)]
        if len(fitting) != 1:
            above = f" below {expected[expected.index(hop) - 1]}" if hop is not expected[0] else ""
            found.append(f"{hop}{above}")
            break
        at = [span for span in line if span.parent_id == fitting[0].span_id]
    more = len(line) - len(expected)
    if not found and more > 0:
        found.append(f"reasons for {more} more spans than expected")
    if not found:
        last = next(span for span in line if expected[-1].matches(span))
        found += [f"a parent in {last.service} for {one.name}" for one in spans if _strays(one, last)]
    return found


def _strays(span: Span, server: Span) -> bool:
    return span.is_database and (span.service, span.parent_id) != (server.service, server.span_id)
