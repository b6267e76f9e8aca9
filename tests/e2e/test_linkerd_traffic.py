"""B2, S1.3, S1.4 as only Linkerd's proxies have them: error backends, rate limit, failing pods."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from otel_mesh import Access, Caller, Grant
from otel_mesh.core.labels import Label
from otel_mesh.mesh.control.renderers import renderer
from tests.e2e.cluster_objects import as_list
from tests.e2e.stack_binding import stack_binding
from tests.e2e.traffic_lab import PORT, Lab, is_share

pytestmark = pytest.mark.e2e


def test_s1_4_the_error_backend_gets_its_share(server: Lab) -> None:
    server.apply({"fault": {"abort": {"status": 503, "percentage": 5}, "backend_image": server.image}})
    server.kubectl("-n", server.namespace, "rollout", "status", "deploy/server-errors", "--timeout=180s")
    server.until(lambda: "x-fault-injected" in next(o for o in server.ask(times=9, many=5) if o.status == 200).headers)
    answers = server.ask(times=1000, many=40)
    aborted = [one for one in answers if one.status == 503]
    assert {one.body for one in aborted} == {""}, "the backend's own answer, not a proxy's"
    assert is_share(len(aborted), 1000, 0.05), len(aborted)
    assert {one.status for one in answers} == {200, 503}
    assert all(one.headers["x-fault-injected"] == "true" for one in answers if one.status == 200)


def test_s1_4_a_fault_for_testers_is_late_and_leaves_others_alone(server: Lab) -> None:
    fault = {
        "abort": {"status": 418},
        "delay": {"duration": "2s"},
        "header": {"name": "x-tester"},
        "backend_image": server.image,
    }
    server.apply({"fault": fault})
    server.until(lambda: server.ask(x_tester="true")[0].status == 418)
    late = server.ask(times=5, many=5, x_tester="true")
    assert all(one.seconds >= 2 for one in late)
    others = server.ask(times=50, many=10)
    assert {one.status for one in others} == {200}
    assert not any("x-fault-injected" in one.headers for one in others)


def test_b2_a_rate_limit_is_per_pod(server: Lab) -> None:
    callers = (Caller(namespace=server.namespace, service_account="default"),)
    access = Access(workload="server", label=Label.NAME, port=PORT, grants=(Grant(callers=callers),))
    policies = renderer("linkerd").access([access], stack_binding(), server.namespace, refuses_rest=False)
    server.put(policies)
    try:
        policy: dict[str, Any] = {"canary": {"version": "v2"}, "rate_limit": {"requests": 5, "interval": "1s"}}
        server.apply(policy)

        def burst() -> Counter[int]:
            return Counter(one.status for one in server.ask(x_canary="true", times=60, many=20))

        server.until(lambda: burst()[429] > 0)
        found = burst()
        assert set(found) == {200, 429}
        assert found[429] > found[200], found
        assert server.ask()[0].status == 200, "the other version's pod counts for itself"
    finally:
        server.apply({})
        server.kubectl("delete", "-f", "-", input=as_list(policies))


def test_s1_3_a_failing_pod_is_left_out_until_it_recovers(server: Lab) -> None:
    server.apply({"resilience": {"outliers": {"consecutive_errors": 3, "ejection_time": "2s"}}})

    def refused() -> bool:
        """Whether the proxy answers in place of the pods, all of which have failed."""
        return any(not one.version for one in server.ask(path="/fail", times=20, many=4))

    server.until(refused)
    server.until(lambda: {one.status for one in server.ask(times=10)} == {200})


def test_b2_a_policy_that_goes_leaves_nothing(server: Lab) -> None:
    server.apply({})
    server.until(lambda: {"v1", "v2"} == {one.version for one in server.ask(times=30, many=10)})
    kinds = "httproutes.gateway.networking.k8s.io,httplocalratelimitpolicies,servers"
    assert server.kubectl("-n", server.namespace, "get", kinds, "-o", "name") == ""
    services = json.loads(server.kubectl("-n", server.namespace, "get", "services", "-o", "json"))["items"]
    assert [one["metadata"]["name"] for one in services] == ["server"]
    assert not any(key.startswith("balancer.") for key in services[0]["metadata"].get("annotations", {}))
