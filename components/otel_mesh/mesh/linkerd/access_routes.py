"""Operations of several callers as routes of one Server, of which a request meets exactly one.

Linkerd chooses the route of a request by the length of the path first and by the method second, and asks that route
alone who may send the request. Where the operations of two callers overlap, there is a route for what both may send.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from otel_mesh.core.errors import InvalidSettingsError, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from otel_mesh.catalog.routes import Method, Operation
    from otel_mesh.mesh.gateway_api.route_types import HttpMatch

_BELOW: Final = "/*"


@dataclass(frozen=True, order=True)
class _Requests:
    """Requests of one kind.

    Attributes:
        path: Path, exact, or a path and all below it if it ends in ``/*``.
        method: HTTP method; empty for any.
    """

    path: str
    method: Method | Literal[""]

    @property
    def is_prefix(self) -> bool:
        """Whether paths below are meant too."""
        return self.path.endswith(_BELOW)

    @property
    def base(self) -> str:
        """Path without the mark of a prefix; empty for the prefix of all paths."""
        return self.path.removesuffix(_BELOW)

    @property
    def precedence(self) -> tuple[int, bool]:
        """Linkerd's rank among the routes of a request, the greatest of which is chosen."""
        return (max(1, len(self.base)), bool(self.method))

    @property
    def match(self) -> HttpMatch:
        """Match of a route."""
        made: HttpMatch = {"path": {"type": "PathPrefix" if self.is_prefix else "Exact", "value": self.base or "/"}}
        if self.method:
            made["method"] = self.method
        return made

    def includes(self, other: _Requests) -> bool:
        """Whether all other requests are of this kind."""
        if self.method not in {"", other.method}:
            return False
        if not self.is_prefix:
            return self.path == other.path
        return other.base == self.base or other.path.startswith(f"{self.base}/")


_ALL: Final = _Requests(_BELOW, "")


def server_routes(
    workload: str, operations: Iterable[tuple[Operation, frozenset[str]]], probed: Collection[tuple[str, str]]
) -> list[tuple[frozenset[str], list[HttpMatch]]]:
    """Identities of callers with the matches of the route that is theirs.

    The last entry has no callers and matches all other requests: Linkerd answers 404 to what no route matches.

    Args:
        workload: Name of the workload, for messages.
        operations: Operations, each with the identities of the callers that may do it.
        probed: Methods and paths of the kubelet's probes, which have a route of their own.

    Raises:
        InvalidSettingsError: The callers of a path differ from those of the path with all below it.
    """
    asked = [(one, callers) for operation, callers in operations for one in _kinds(operation)]
    paths, methods = {_ALL.path, *(one.path for one, _ in asked)}, {_ALL.method, *(one.method for one, _ in asked)}
    overlaps = [_Requests(path, method) for path in paths for method in methods if (method, path) not in probed]
    allowed: dict[_Requests, frozenset[str]] = {}
    for kind in sorted(overlaps, key=lambda one: (one.precedence, not one.is_prefix)):
        callers = frozenset(name for one, names in asked if one.includes(kind) for name in names)
        wider = max((one for one in allowed if one.includes(kind)), key=lambda one: one.precedence, default=None)
        if wider is not None and allowed[wider] == callers:
            continue  # the wider route says the same
        if wider is not None and wider.precedence == kind.precedence:
            raise InvalidSettingsError([_indistinct(workload, kind, wider)])
        allowed[kind] = callers
    found: dict[frozenset[str], list[HttpMatch]] = {}
    for kind in sorted(allowed):
        found.setdefault(allowed[kind], []).append(kind.match)
    rest = found.pop(frozenset(), None)
    return [*found.items(), *([] if rest is None else [(frozenset[str](), rest)])]


def _kinds(operation: Operation) -> Iterator[_Requests]:
    for method in operation.http_methods or ("",):
        yield _Requests(operation.http_path or _BELOW, method)


def _indistinct(workload: str, kind: _Requests, wider: _Requests) -> Problem:
    reason = (
        f"the callers of '{kind.path}' and '{wider.path}' differ, and Linkerd cannot tell the two for '{kind.path}'"
    )
    remedy = f"let all of them send requests to '{wider.path}', or name the paths below it"
    return Problem(f"{workload}.grants", reason, remedy)
