"""Jaeger's and Prometheus' query APIs on a loopback port, answering in the shapes that the real ones have."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests.programs.loopback_server import loopback_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    Answer = Callable[[dict[str, str]], Any]

START_US = 1_790_000_000_000_000
"""When the traces here begin: microseconds since the epoch."""


def api(**answers: Answer) -> AbstractContextManager[int]:
    """A server; yields its port.

    Args:
        answers: from a path, with underscores for its slashes, to what makes the JSON of the query's parameters; an
            integer is a status.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            make = answers.get(parts.path.strip("/").replace("/", "_"))
            answer = 404 if make is None else make(dict(parse_qsl(parts.query)))
            body = json.dumps({"errors": [{"msg": "as asked"}]} if isinstance(answer, int) else answer).encode()
            self.send_response(answer if isinstance(answer, int) else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return loopback_server(Handler)


def span(  # noqa: PLR0913, PLR0917 -- a span has as many
    span_id: str,
    parent: str,
    service: str,
    name: str,
    kind: str,
    begin_ms: float,
    length_ms: float,
    **tags: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """A span of a trace that begins at `START_US`, as `trace` takes it; ``a__b`` is tag ``a.b``."""
    named = {key.replace("__", "."): value for key, value in tags.items()}
    if named.pop("failed", False):
        named |= {"otel.status_code": "ERROR", "error": True}
    kinds = {bool: "bool", int: "int64", str: "string"}
    return {
        "service": service,
        "spanID": span_id,
        "operationName": name,
        "references": [{"refType": "CHILD_OF", "traceID": "", "spanID": parent}] if parent else [],
        "startTime": START_US + round(1000 * begin_ms),
        "duration": round(1000 * length_ms),
        "tags": [
            {"key": key, "type": kinds[type(value)], "value": value}
            for key, value in {"span.kind": kind, **named}.items()
        ],
        "logs": [],
        "warnings": None,
    }


def trace(trace_id: str, *spans: dict[str, Any], later_ms: float = 0) -> dict[str, Any]:
    """A trace as an element of ``data`` in Jaeger's answer."""
    processes = {service: f"p{number}" for number, service in enumerate(dict.fromkeys(one["service"] for one in spans))}
    return {
        "traceID": trace_id,
        "spans": [
            {key: value for key, value in one.items() if key != "service"}
            | {
                "traceID": trace_id,
                "processID": processes[one["service"]],
                "startTime": one["startTime"] + round(1000 * later_ms),
            }
            for one in spans
        ],
        "processes": {number: {"serviceName": name, "tags": []} for name, number in processes.items()},
        "warnings": None,
    }


class JaegerAnswers:
    """What Jaeger's memory answers: the newest traces of which one span fits, as many as asked for.

    Args:
        traces: the oldest first.
    """

    def __init__(self, traces: Iterable[dict[str, Any]]) -> None:
        self._traces = list(traces)
        self.asked: list[dict[str, str]] = []

    def answers(self) -> dict[str, Answer]:
        """For `api`."""
        byid = {f"api_traces_{one['traceID']}": self._one(one) for one in self._traces}
        return {
            "api_services": lambda _: _data(sorted({name for one in self._traces for name in _services(one)})),
            "api_operations": self._operations,
            "api_traces": self._search,
            **byid,
        }

    @staticmethod
    def _one(found: dict[str, Any]) -> Answer:
        return lambda _: _data([found])

    def _operations(self, query: dict[str, str]) -> dict[str, Any]:
        found = {
            (one["operationName"], _tag(one, "span.kind"))
            for whole in self._traces
            for one in whole["spans"]
            if whole["processes"][one["processID"]]["serviceName"] == query["service"]
        }
        return _data([{"name": name, "spanKind": kind} for name, kind in sorted(found) if kind == query["spanKind"]])

    def _search(self, query: dict[str, str]) -> dict[str, Any]:
        self.asked.append(query)
        fitting = [one for one in reversed(self._traces) if any(_fits(span, one, query) for span in one["spans"])]
        return _data(fitting[: int(query["limit"])])


def _data(data: list[Any]) -> dict[str, Any]:
    return {"data": data or None, "total": len(data), "limit": 0, "offset": 0, "errors": None}


def _services(found: dict[str, Any]) -> list[str]:
    return [process["serviceName"] for process in found["processes"].values()]


def _tag(found: dict[str, Any], key: str) -> Any:  # noqa: ANN401
    return next((tag["value"] for tag in found["tags"] if tag["key"] == key), None)


def _fits(found: dict[str, Any], whole: dict[str, Any], query: dict[str, str]) -> bool:
    return (
        whole["processes"][found["processID"]]["serviceName"] == query["service"]
        and int(query["start"]) <= found["startTime"] <= int(query["end"])
        and query.get("operation") in (None, found["operationName"])
        and found["duration"] >= int(query.get("minDuration", "0us").removesuffix("us"))
    )


def vector(*samples: tuple[dict[str, str], float]) -> dict[str, Any]:
    """What Prometheus answers to an instant query."""
    result = [{"metric": labels, "value": [START_US / 1e6, str(value)]} for labels, value in samples]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}
