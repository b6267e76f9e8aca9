"""Routes at the platform's gateway that teams own: the platform grants the place, the team's stack fills it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path
from otel_mesh.core.values import DnsLabel, HostName, PathPrefix, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


class TeamRoute(Settings):
    """A place at the platform's gateway that one service of a team's stack may serve.

    Attributes:
        namespace: Namespace of the team's service.
        service: Name of the team's service.
        host: Host name that belongs to the route; None for the hosts of the platform's own services.
        path_prefix: Prefix of the paths that are forwarded, by whole segments.
    """

    namespace: DnsLabel
    service: DnsLabel
    host: HostName | None = None
    path_prefix: PathPrefix = "/"

    @property
    def place(self) -> str:
        """Host and path prefix: ``/reviews``, or ``reviews.example.com/``."""
        return f"{self.host or ''}{self.path_prefix}"


@dataclass(frozen=True, kw_only=True)
class ServedRoute:
    """A service that serves the place of a `TeamRoute`.

    Attributes:
        service: Name of the service.
        port: Port of the service.
        strip_prefix: Whether the service gets the paths without the prefix that the platform granted.
        retries: Number of retries of safe requests: GET, HEAD, and requests with an ``idempotency-key``.
        host: Host name that the platform granted; None for the hosts of the platform's own services.
        path_prefix: Prefix that the platform granted.
    """

    service: str
    port: int
    strip_prefix: bool
    retries: int
    host: str | None = None
    path_prefix: str = "/"


def require_distinct_routes(routes: Sequence[TeamRoute], own: Mapping[str, str], hosts: Iterable[str]) -> None:
    """Rejects routes that clash with another route, or lie on a host that the gateway does not answer for.

    Args:
        routes: Routes of teams.
        own: The platform's services by path prefix.
        hosts: Host names that the gateway answers for; ``*`` and ``*.example.com`` are wildcards.

    Raises:
        InvalidSettingsError: Two routes claim the same place, or a host is not the gateway's.
    """
    problems = list(_clashes(routes, own, tuple(hosts)))
    if problems:
        raise InvalidSettingsError(problems)


def _clashes(routes: Sequence[TeamRoute], own: Mapping[str, str], hosts: Sequence[str]) -> Iterator[Problem]:
    seen: dict[str, str] = {prefix: f"the route of service '{name}'" for prefix, name in own.items()}
    served: dict[tuple[str, str], str] = {}
    for index, route in enumerate(routes):
        path = join_path("team_routes", index)
        if route.place in seen:
            yield Problem(
                join_path(path, "path_prefix"), f"'{route.place}' is {seen[route.place]}", "choose another place"
            )
        seen.setdefault(route.place, path)
        owner = (route.namespace, route.service)
        if owner in served:
            reason = f"'{route.service}' of namespace '{route.namespace}' has {served[owner]} already"
            yield Problem(join_path(path, "service"), reason, "grant one route for each service")
        served.setdefault(owner, path)
        if route.host is not None and not any(covers(host, route.host) for host in hosts):
            reason = f"the gateway does not answer for '{route.host}'"
            yield Problem(join_path(path, "host"), reason, "add the host to gateway.hosts")


def covers(pattern: str, host: str) -> bool:
    """Whether a host name of a gateway, or a wildcard such as ``*.example.com``, stands for a host."""
    return pattern in {"*", host} or (pattern.startswith("*.") and host.endswith(pattern[1:]))
