"""Asks Jaeger and Prometheus by their HTTP APIs, at the loopback addresses or wherever they are told to be."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from otel_mesh.core.errors import nearest
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall import traces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_mesh_cli.oncall.options import Window
    from otel_mesh_cli.oncall.traces import Span
    from otel_mesh_cli.stacks.addresses import Address

T = TypeVar("T")

_TIMEOUT_S = 30.0


def client() -> httpx.Client:
    """A client for loopback: no proxy of the user's environment is asked."""
    return httpx.Client(timeout=_TIMEOUT_S, trust_env=False)


def get(http: httpx.Client, address: Address, path: str, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401 -- JSON
    """What an API answers.

    Raises:
        CommandError: as of `answered`, or it is not JSON.
    """
    try:
        return answered(http, address, path, parameters).json()
    except json.JSONDecodeError as error:
        raise _unanswered(address, f"no answer ({type(error).__name__})") from None


def answered(http: httpx.Client, address: Address, path: str, parameters: Mapping[str, str]) -> httpx.Response:
    """An API's answer, which tells of success.

    Raises:
        CommandError: it does not answer, or not with success.
    """
    try:
        answer = http.get(f"{address.url}{path}", params=dict(parameters))
        answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        reason = f"answers {error.response.status_code}: {' '.join(error.response.text.split())[:200]}"
    except httpx.HTTPError as error:
        reason = f"no answer ({type(error).__name__})"
    else:
        return answer
    raise _unanswered(address, reason)


def _unanswered(address: Address, reason: str) -> CommandError:
    return CommandError(f"{address.name} at {address.url}: {reason}", remedy="see `make status`")


class Jaeger:
    """Jaeger's query API.

    Args:
        http: the client.
        address: where Jaeger is.
    """

    def __init__(self, http: httpx.Client, address: Address) -> None:
        self._http = http
        self._address = address

    def page(self, trace_id: str) -> str | None:
        """The address of a trace's page, where this Jaeger has pages.

        Raises:
            CommandError: it could not be asked.
        """
        return f"{self._pages}/{trace_id}" if self._pages else None

    @cached_property
    def _pages(self) -> str | None:
        return self._asked(lambda: traces.pages(self._http, self._address.url))

    def trace(self, trace_id: str) -> list[Span]:
        """The spans of a trace, none where Jaeger does not know it.

        Raises:
            CommandError: it could not be asked.
        """
        return self._asked(lambda: traces.fetch(self._http, self._address.url, trace_id))

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except httpx.HTTPStatusError as error:
            reason = f"answers {error.response.status_code}"
        except httpx.HTTPError as error:
            reason = f"no answer ({type(error).__name__})"
        raise CommandError(f"{self._address.name} at {self._address.url}: {reason}", remedy="see `make status`")

    def services(self) -> list[str]:
        """Names of all that made spans.

        Raises:
            CommandError: as of `get`.
        """
        return sorted(get(self._http, self._address, "/api/services", {})["data"] or [])

    def require(self, service: str) -> None:
        """See that there is such a service.

        Raises:
            CommandError: there is none, or as of `get`.
        """
        known = self.services()
        if service not in known:
            raise CommandError(
                f"SERVICE={service}: Jaeger has no spans of it",
                remedy=nearest(service, known) if known else "send it a request first: make smoke",
            )

    def operation(self, service: str, route: str) -> str:
        """The name of a service's spans that a route stands for, with or without its method.

        Raises:
            CommandError: there is none, or as of `get`.
        """
        answer = get(self._http, self._address, "/api/operations", {"service": service, "spanKind": "server"})
        names = sorted({str(one["name"]) for one in answer["data"] or []})
        fitting = [name for name in names if route == name] or [name for name in names if name.endswith(f" {route}")]
        if len(fitting) != 1:
            what = "stands for several" if fitting else "not one of them"
            raise CommandError(
                f"ROUTE={route}: {what}", remedy=f"give one of: {', '.join(fitting or names) or 'none yet'}"
            )
        return fitting[0]

    PAGE = 100
    """Traces that are asked for at a time: no Jaeger of ours keeps fewer, and more than it keeps it refuses."""
    _SHORTEST_US = 1000

    def search(self, service: str, window: Window, **more: str) -> list[list[Span]]:
        """The newest traces in which a service has a fitting span, `PAGE` at most.

        Args:
            service: its name.
            window: in which the span began.
            more: ``operation`` or ``minDuration`` as Jaeger takes them.

        Raises:
            CommandError: as of `get`.
        """
        asked = {"start": str(window.start_us), "end": str(window.end_us), "limit": str(self.PAGE), **more}
        answer = get(self._http, self._address, "/api/traces", {"service": service, **asked})
        return [spans for one in answer["data"] or [] if (spans := traces.parse(one))]

    def newest(self, service: str, window: Window, most: int) -> tuple[list[list[Span]], bool]:
        """All traces that went through a service, or the newest of them, and whether there were more.

        A time with more traces than Jaeger gives at once is asked for in halves. (A search for failing ones would
        spare that, but Jaeger 2.13's memory takes the tag ``error=true`` for its opposite.)

        Args:
            service: its name.
            window: in which its spans began.
            most: traces after which no more are asked for.

        Raises:
            CommandError: as of `get`.
        """
        found: dict[str, list[Span]] = {}
        todo, cut = [window], False
        while todo and len(found) < most:
            part = todo.pop()
            answer = self.search(service, part)
            found.update((spans[0].trace_id, spans) for spans in answer)
            if len(answer) < self.PAGE:
                continue
            if part.end_us - part.start_us <= self._SHORTEST_US:
                cut = True
                continue
            middle = (part.start_us + part.end_us) // 2
            todo += [replace(part, end_us=middle), replace(part, start_us=middle)]
        return list(found.values()), cut or bool(todo)


class Prometheus:
    """Prometheus' query API.

    Args:
        http: the client.
        address: where Prometheus is.
    """

    def __init__(self, http: httpx.Client, address: Address) -> None:
        self._http = http
        self._address = address

    def samples(self, expression: str) -> list[tuple[Mapping[str, str], float]]:
        """Labels and values that an expression has now.

        Raises:
            CommandError: as of `get`.
        """
        answer = get(self._http, self._address, "/api/v1/query", {"query": expression})
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]
