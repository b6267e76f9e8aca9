"""Jaeger's query API."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from otel_mesh.core.errors import nearest
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall import traces

if TYPE_CHECKING:
    from otel_mesh_cli.oncall.backends import Backend
    from otel_mesh_cli.oncall.options import Window
    from otel_mesh_cli.oncall.traces import Span


class Jaeger:
    """Jaeger's query API.

    Args:
        backend: Where Jaeger is.
    """

    PAGE = 100
    """Traces requested at a time: every Jaeger of ours keeps at least as many, and refuses a larger request."""
    _SHORTEST_US = 1000

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def page(self, trace_id: str) -> str | None:
        """URL of a trace's page; None where this Jaeger has no web pages, or no browser reaches it.

        Raises:
            CommandError: Jaeger does not answer.
        """
        return f"{self._backend.page_url}/trace/{trace_id}" if self._has_pages else None

    @cached_property
    def _has_pages(self) -> bool:
        return self._backend.page_url is not None and traces.NO_PAGES not in self._backend.ask("/").text

    def trace(self, trace_id: str) -> list[Span]:
        """The spans of a trace, empty when Jaeger has no such trace.

        Raises:
            CommandError: Jaeger does not answer.
        """
        answer = self._backend.json(f"/api/traces/{trace_id}", absent={"data": None})
        return [span for one in answer["data"] or [] for span in traces.parse(one)]

    def services(self) -> list[str]:
        """Names of all services with spans.

        Raises:
            CommandError: Jaeger does not answer.
        """
        return sorted(self._backend.json("/api/services")["data"] or [])

    def require(self, service: str) -> None:
        """Check that a service has spans.

        Raises:
            CommandError: It has none, or Jaeger does not answer.
        """
        known = self.services()
        if service not in known:
            raise CommandError(
                f"--service {service}: Jaeger has no spans of it",
                remedy=nearest(service, known) if known else "send it a request first",
            )

    def operation(self, service: str, route: str) -> str:
        """The span name that a route stands for.

        Args:
            service: Name of the service.
            route: Route of its requests, with or without the method.

        Raises:
            CommandError: No span name fits, or several do, or Jaeger does not answer.
        """
        answer = self._backend.json("/api/operations", {"service": service, "spanKind": "server"})
        names = sorted({str(one["name"]) for one in answer["data"] or []})
        fitting = [name for name in names if route == name] or [name for name in names if name.endswith(f" {route}")]
        if len(fitting) != 1:
            reason = "ambiguous" if fitting else f"not a route of {service}"
            raise CommandError(
                f"--route {route}: {reason}", remedy=f"give one of: {', '.join(fitting or names) or 'none yet'}"
            )
        return fitting[0]

    def search(self, service: str, window: Window, **more: str) -> list[list[Span]]:
        """The newest traces in which a service has a matching span, `PAGE` at most.

        Args:
            service: Name of the service.
            window: Time in which the span began.
            more: ``operation`` or ``minDuration`` as Jaeger takes them.

        Raises:
            CommandError: Jaeger does not answer.
        """
        asked = {"start": str(window.start_us), "end": str(window.end_us), "limit": str(self.PAGE), **more}
        answer = self._backend.json("/api/traces", {"service": service, **asked})
        return [spans for one in answer["data"] or [] if (spans := traces.parse(one))]

    def newest(self, service: str, window: Window, most: int) -> tuple[list[list[Span]], bool]:
        """The newest traces through a service, and whether there are more.

        A time with more traces than Jaeger returns at once is halved. (A search for failed ones would spare that, but
        the in-memory store of Jaeger 2.13 reads the tag ``error=true`` as its opposite.)

        Args:
            service: Name of the service.
            window: Time in which its spans began.
            most: Number of traces after which no more are requested.

        Raises:
            CommandError: Jaeger does not answer.
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
