"""The tree that the trace of a request with several calls has to be, with the mesh's proxies where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.oncall import traces
from otel_mesh_cli.smoke.expected import Hop

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh_cli.oncall.traces import Span
    from otel_mesh_cli.stacks.stack_mesh import StackMesh


@dataclass(frozen=True)
class Branch:
    """A span and those below it.

    Attributes:
        hop: who makes it.
        name: that it has, where siblings are told apart by it.
        below: in no order.
    """

    hop: Hop
    name: str = ""
    below: tuple[Branch, ...] = ()

    def __str__(self) -> str:
        """As a person says it."""
        return f"{self.hop}{f' named {self.name!r}' if self.name else ''}"

    def matches(self, span: Span) -> bool:
        """Whether a span is this one, whatever is below it."""
        return self.hop.matches(span) and self.name in ("", span.name)


def served(service: str, mesh: StackMesh, *below: Branch) -> Branch:
    """A request as its service serves it, behind the proxy of the mesh."""
    own = Branch(Hop(service, "server"), below=below)
    return Branch(Hop(service, "server", proxy=True), below=(own,)) if mesh.installed else own


def step(service: str, name: str, *below: Branch) -> Branch:
    """A step of what a service does."""
    return Branch(Hop(service, "internal"), name, below)


def call(caller: str, callee: Branch, mesh: StackMesh) -> Branch:
    """A call from one service to another, through the caller's proxy."""
    sent = (Branch(Hop(caller, "client", proxy=True), below=(callee,)),) if mesh.installed else (callee,)
    return Branch(Hop(caller, "client"), below=sent)


def entered(first: Branch, mesh: StackMesh) -> Branch:
    """A request from outside, through the mesh's gateway."""
    if not mesh.installed:
        return first
    forwarded = Branch(Hop(mesh.gateway, "client", proxy=True), below=(first,))
    return Branch(Hop(mesh.gateway, "server", proxy=True), below=(forwarded,))


def differences(spans: Sequence[Span], expected: Branch) -> list[str]:
    """What keeps a trace from being exactly that tree, in words; nothing when it is.

    Calls to stores are left out of it: their number is the service's own affair, but each must hang below a span of
    the service that makes it.
    """
    line = [span for span in spans if not span.is_database]
    found = list(_missing(line, traces.roots(line), expected, ""))
    if not found and (more := len(line) - _size(expected)) > 0:
        found.append(f"reasons for {more} more spans than expected")
    services = {span.span_id: span.service for span in line}
    found += [
        f"a parent in {span.service} for {span.name}"
        for span in spans
        if span.is_database and services.get(span.parent_id or "") != span.service
    ]
    return found


def _missing(line: Sequence[Span], at: Sequence[Span], expected: Branch, above: str) -> Iterator[str]:
    fitting = [span for span in at if expected.matches(span)]
    if len(fitting) != 1:
        yield f"{expected}{above}"
        return
    below = [span for span in line if span.parent_id == fitting[0].span_id]
    for branch in expected.below:
        yield from _missing(line, below, branch, f" below {expected}")


def _size(branch: Branch) -> int:
    return 1 + sum(map(_size, branch.below))
