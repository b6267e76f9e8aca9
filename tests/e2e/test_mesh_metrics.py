"""S2.10, S2.12 on real sidecars: metrics of proxies reach Prometheus under service names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.smoke import request
from otel_mesh_cli.stacks.addresses import PROMETHEUS
from tests.e2e.cluster_objects import get
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

pytestmark = pytest.mark.e2e


def _recorded(http: httpx.Client, query: str) -> list[dict[str, str]]:
    """Labels of the query's results, once there are any."""
    end = time.monotonic() + 180
    while True:
        result = http.get(f"{PROMETHEUS.url}/api/v1/query", params={"query": query}).json()["data"]["result"]
        if result:
            return [{key: value for key, value in one["metric"].items() if key != "__name__"} for one in result]
        assert time.monotonic() < end, query
        request.request(http)
        time.sleep(2)


def test_issue_5_proxy_metrics_are_recorded_under_service_names(http: httpx.Client) -> None:
    ok = {"k8s_namespace_name": "shop", "response_class": "2xx"}
    for service in request.SERVICES:
        found = _recorded(http, f'mesh_service:requests:rate5m{{service_name="{service}"}} > 0')
        assert {**ok, "service_name": service} in found
        assert _recorded(http, f'mesh_service:request_duration_milliseconds_bucket:rate5m{{service_name="{service}"}}')
    caller, callee = request.SERVICES[:2]
    edges = _recorded(http, f'mesh_edge:requests:rate5m{{service_name="{caller}", service_peer_name="{callee}"}} > 0')
    assert {**ok, "service_name": caller, "service_peer_name": callee, "service_peer_namespace": "shop"} in edges


def test_issue_5_every_proxy_is_scraped_and_exposes_only_what_the_rules_need(
    http: httpx.Client, kubectl: Callable[..., str]
) -> None:
    def missing() -> set[str]:
        up = _recorded(http, 'up{job="mesh-proxies"} == 1')
        pods = get(kubectl, "pods", "-A", "-l", "service.istio.io/canonical-name")
        running = [one for one in pods if one["status"]["phase"] == "Running"]  # not the pod of a Job that has ended
        proxies = {one["metadata"]["name"] for one in running if "deletionTimestamp" not in one["metadata"]}
        return proxies - {one["k8s_pod_name"] for one in up}

    wait_for(lambda: not missing(), missing, patience_s=180, every_s=2)
    names = _recorded(http, 'count by (name) (label_replace({job="mesh-proxies"}, "name", "$1", "__name__", "(.*)"))')
    taken = {one["name"] for one in names if not one["name"].startswith(("scrape_", "up", "ALERTS"))}
    assert taken <= {
        "envoy_cluster_upstream_rq",
        "envoy_cluster_upstream_rq_time_bucket",
        "istio_requests_total",
        "istio_request_duration_milliseconds_bucket",
    }
