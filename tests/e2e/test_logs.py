"""S2.11 on the running environment: what services log is found by the trace that it belongs to."""

from __future__ import annotations

import contextlib
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from local import measured, smoke
from local.addresses import LOKI
from otel_mesh.loki import INDEX_LABELS

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.e2e

DEADLINE_S = 60.0
NAMESPACE = ("-n", "observability")
DEPLOYMENT = (*NAMESPACE, "deployment/loki")
SHOP = '{service_namespace="shop"}'


def _ask(http: httpx.Client, path: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
    answer = http.get(f"{LOKI.url}/loki/api/v1/{path}", params=parameters)
    answer.raise_for_status()
    return answer.json()["data"]


def _lines(http: httpx.Client, query: str) -> list[tuple[dict[str, str], str]]:
    """Labels with all that is kept beside them, and texts."""
    found = _ask(http, "query_range", query=query, limit="1000")["result"]
    return [(stream["stream"], value[1]) for stream in found for value in stream["values"]]


def _of_services(http: httpx.Client, trace_id: str, services: set[str]) -> list[tuple[dict[str, str], str]]:
    """The lines of a trace, once all the services have some; a pod may be on its way back."""
    end = time.monotonic() + DEADLINE_S
    found: list[tuple[dict[str, str], str]] = []
    while True:
        with contextlib.suppress(httpx.HTTPError):
            found = _lines(http, f'{SHOP} | trace_id="{trace_id}"')
        if {labels["service_name"] for labels, _ in found} >= services:
            return found
        assert time.monotonic() < end, found
        time.sleep(0.5)


def _outcomes(lines: list[tuple[dict[str, str], str]]) -> set[tuple[str, str, str]]:
    """Service, what it ended and how: the one line that each call leaves, over HTTP or gRPC."""
    keys = {"request": "http_response_status_code", "call": "rpc_response_status_code"}
    return {(labels["service_name"], text, labels[keys[text]]) for labels, text in lines if text in keys}


def test_s2_11_the_lines_of_a_request_are_found_by_its_trace_in_all_services(http: httpx.Client) -> None:
    trace_id = smoke.request(http)
    spans = smoke.wait_for_trace(http, trace_id, smoke.missing)
    found = _of_services(http, trace_id, set(smoke.SERVICES))
    assert _outcomes(found) == {("api-gateway", "request", "200"), ("user-service", "call", "OK")}
    made = {span.span_id for span in spans if span.proxy is None}
    for labels, _ in found:
        assert labels["span_id"] in made
        assert labels["k8s_pod_name"].startswith(labels["service_name"])
        assert labels["severity_text"] == "INFO"


def test_s2_11_a_missing_user_is_told_by_all_services_of_the_trace(http: httpx.Client) -> None:
    missing = smoke.request(http, "/api/users/999999998", expect=HTTPStatus.NOT_FOUND)
    found = _of_services(http, missing, set(smoke.SERVICES))
    assert _outcomes(found) == {("api-gateway", "request", "404"), ("user-service", "call", "NOT_FOUND")}


def test_s2_10_the_index_of_logs_knows_services_and_no_pods(http: httpx.Client) -> None:
    _of_services(http, smoke.request(http), set(smoke.SERVICES))
    assert set(_ask(http, "labels", query=SHOP)) <= {name.replace(".", "_") for name in INDEX_LABELS}
    streams = _ask(http, "series", **{"match[]": SHOP})
    assert len(streams) == len({stream["service_name"] for stream in streams})


def test_loki_is_scraped(http: httpx.Client) -> None:
    assert measured.query(http, 'up{job="loki"}') == 1
    assert measured.query(http, "sum(loki_distributor_lines_received_total)") > 0


@pytest.mark.full
def test_s2_11_lines_outlive_the_pod_and_come_in_after_an_outage(
    http: httpx.Client, kubectl: Callable[..., str]
) -> None:
    before = smoke.request(http)
    _of_services(http, before, set(smoke.SERVICES))
    kubectl("scale", *DEPLOYMENT, "--replicas=0")
    try:
        kubectl("wait", *NAMESPACE, "--for=delete", "pod", "--selector=app.kubernetes.io/name=loki", "--timeout=60s")
        meanwhile = smoke.request(http)
        time.sleep(10)  # the Collector's first attempts fail
    finally:
        kubectl("scale", *DEPLOYMENT, "--replicas=1")
        kubectl("rollout", "status", *DEPLOYMENT, "--timeout=120s")
    for trace_id in (before, meanwhile):
        _of_services(http, trace_id, set(smoke.SERVICES))
