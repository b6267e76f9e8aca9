"""S2.11 on the running environment: log lines of services are found by their trace id."""

from __future__ import annotations

import contextlib
import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh.catalog.log_queries import STREAM_FIELDS, of_trace
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall.backends import at_address
from otel_mesh_cli.oncall.log_store import LogStore
from otel_mesh_cli.smoke import arrival, measured, request
from otel_mesh_cli.stacks.addresses import LOGS
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from otel_mesh_cli.oncall.log_store import Line

pytestmark = pytest.mark.e2e

DEADLINE_S = 60.0
NAMESPACE = ("-n", "observability")
DEPLOYMENT = (*NAMESPACE, "deployment/victoria-logs")
SHOP = '{service.namespace="shop"}'
HOUR_US = 3_600_000_000


def _of_services(http: httpx.Client, trace_id: str, services: set[str]) -> Sequence[Line]:
    """The log lines of a trace, once all services have that of their call; a pod may still be restarting."""
    end = time.monotonic() + DEADLINE_S
    found: Sequence[Line] = []
    while True:
        now = time.time_ns() // 1000
        with contextlib.suppress(CommandError):
            found = LogStore(at_address(http, LOGS)).lines(of_trace(trace_id), now - HOUR_US, now)
        if {service for service, _, _ in _outcomes(found)} >= services:
            return found
        assert time.monotonic() < end, found
        time.sleep(0.5)


def _outcomes(lines: Sequence[Line]) -> set[tuple[str, str, str]]:
    """Service, operation and outcome of the one log line per call, over HTTP or gRPC."""
    keys = {"request": "http.response.status_code", "call": "rpc.response.status_code"}
    return {
        (line.fields["service.name"], line.text, line.fields[keys[line.text]]) for line in lines if line.text in keys
    }


def test_s2_11_the_lines_of_a_request_are_found_by_its_trace_in_all_services(http: httpx.Client) -> None:
    trace_id = request.request(http)
    spans = arrival.wait_for_trace(http, trace_id, request.problems)
    found = _of_services(http, trace_id, set(request.SERVICES))
    assert _outcomes(found) == {("api-gateway", "request", "200"), ("user-service", "call", "OK")}
    made = {span.span_id for span in spans if span.proxy is None}
    for line in found:
        assert line.fields["span_id"] in made
        assert line.fields["k8s.pod.name"].startswith(line.fields["service.name"])
        assert line.fields["severity_text"] == "INFO"


def test_s2_11_a_missing_user_is_logged_by_all_services_of_the_trace(http: httpx.Client) -> None:
    missing = request.request(http, "/api/users/999999998", expect=HTTPStatus.NOT_FOUND)
    found = _of_services(http, missing, set(request.SERVICES))
    assert _outcomes(found) == {("api-gateway", "request", "404"), ("user-service", "call", "NOT_FOUND")}


def test_s2_10_log_streams_are_per_service_and_not_per_pod(http: httpx.Client) -> None:
    _of_services(http, request.request(http), set(request.SERVICES))

    def values(path: str, **more: str) -> list[str]:
        query = {"query": SHOP, "start": "1h", **more}
        answer = http.get(f"{LOGS.url}/select/logsql/{path}", params=query)
        answer.raise_for_status()
        found: list[dict[str, Any]] = json.loads(answer.text)["values"]
        return [one["value"] for one in found]

    assert set(values("stream_field_names")) <= set(STREAM_FIELDS)
    assert len(values("streams")) == len(values("stream_field_values", field="service.name"))


def test_its_page_is_served(http: httpx.Client) -> None:
    answer = http.get(LOGS.page)
    assert answer.status_code == HTTPStatus.OK
    assert "<title>" in answer.text


def test_the_log_store_is_scraped(http: httpx.Client) -> None:
    # a test before this one may have restarted both
    wait_for(lambda: measured.query(http, 'up{job="victoria-logs"}') == 1, every_s=1)
    wait_for(lambda: measured.query(http, "sum(vl_rows_ingested_total)") > 0, every_s=1)
    assert measured.query(http, "sum(vl_rows_dropped_total) or vector(0)") == 0


@pytest.mark.full
def test_s2_11_lines_outlive_the_pod_and_arrive_after_an_outage(
    http: httpx.Client, kubectl: Callable[..., str]
) -> None:
    before = request.request(http)
    _of_services(http, before, set(request.SERVICES))
    kubectl("scale", *DEPLOYMENT, "--replicas=0")
    gone = ("--for=delete", "pod", "--selector=app.kubernetes.io/name=victoria-logs", "--timeout=180s")
    try:
        kubectl("wait", *NAMESPACE, *gone)
        meanwhile = request.request(http)
        time.sleep(10)  # the Collector's first attempts fail
    finally:
        kubectl("scale", *DEPLOYMENT, "--replicas=1")
        kubectl("rollout", "status", *DEPLOYMENT, "--timeout=180s")
    for trace_id in (before, meanwhile):
        _of_services(http, trace_id, set(request.SERVICES))
