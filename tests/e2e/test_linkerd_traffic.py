"""B2, S1.3, S1.4, S2.2 on Linkerd's real proxies: canary, A/B test, faults, resilience, rate limit."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh import Access, Caller, Grant
from otel_mesh.core.labels import Label
from otel_mesh.mesh.control.renderers import renderer
from tests.e2e.stack_binding import stack_binding
from tests.e2e.test_traffic import is_share
from tests.e2e.traffic_lab import PORT, Lab, lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(kubectl: Callable[..., str]) -> Iterator[Lab]:
    with lab(kubectl, "shop") as made:
        yield made


def test_s1_3_the_header_chooses_the_canary_and_clients_cannot_forge_the_marker(server: Lab) -> None:
    server.apply({"canary": {"version": "v2"}})
    server.until(lambda: server.ask(x_canary="true")[0].version == "v2" and server.ask()[0].version == "v1")
    canary = server.ask(times=20, many=5, x_canary="true", x_trace_version="forged", x_fault_injected="true")
    assert {one.version for one in canary} == {"v2"}
    assert {one.headers["x-trace-version"] for one in canary} == {"canary"}
    assert not any("x-fault-injected" in one.headers for one in canary)
    stable = server.ask(times=20, many=5, x_trace_version="forged")
    assert {one.version for one in stable} == {"v1"}
    assert {one.headers["x-trace-version"] for one in stable} == {"stable"}


def test_s1_3_a_weight_gives_the_canary_its_share(server: Lab) -> None:
    server.apply({"canary": {"version": "v2", "weight": 20, "header": None}})
    server.until(lambda: {"v1", "v2"} == {one.version for one in server.ask(times=30, many=10)})
    answers = server.ask(times=1000, many=20)
    number = Counter(one.version for one in answers)
    assert is_share(number["v2"], 1000, 0.2), number
    for one in answers:
        marks = ("canary", "20") if one.version == "v2" else ("stable", "80")
        assert (one.headers["x-trace-version"], one.headers["x-traffic-weight"]) == marks


def test_s1_10_groups_of_an_ab_test_are_kept_and_assigned(server: Lab) -> None:
    groups = {"control": {"version": "v1", "weight": 50}, "new": {"version": "v2", "weight": 50}}
    server.apply({"ab_test": {"groups": groups}})
    server.until(lambda: server.ask(x_ab_group="new")[0].version == "v2")
    named = {name: {one.version for one in server.ask(times=10, x_ab_group=name)} for name in groups}
    assert named == {"control": {"v1"}, "new": {"v2"}}
    others = server.ask(times=400, many=20)
    assert is_share(sum(one.version == "v2" for one in others), 400, 0.5)
    assert {(one.version, one.headers["x-ab-group"]) for one in others} == {("v1", "control"), ("v2", "new")}


def test_s1_4_the_error_backend_gets_its_share(server: Lab) -> None:
    server.apply({"fault": {"abort": {"status": 503, "percentage": 5}, "backend_image": server.image}})
    server.kubectl("-n", server.namespace, "rollout", "status", "deploy/server-errors", "--timeout=120s")
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


def test_s2_2_a_timeout_ends_the_request(server: Lab) -> None:
    server.apply({"resilience": {"timeout": "1s"}})
    server.until(lambda: server.ask(path="/slow?s=5")[0].status == 504)
    (answer,) = server.ask(path="/slow?s=30")
    assert answer.status == 504
    assert 1 <= answer.seconds < 30


def test_s2_2_only_safe_requests_are_repeated(server: Lab) -> None:
    server.apply({"resilience": {"retries": {"attempts": 2}}})
    server.until(lambda: server.ask(path="/flaky?id={}")[0].status == 200)
    statuses = {
        "GET": server.ask(path="/flaky?id={}", times=5),
        "POST": server.ask(path="/flaky?id={}", method="POST", times=5),
        "POST with a key": server.ask(path="/flaky?id={}", method="POST", times=5, idempotency_key="k"),
    }
    found = {name: {one.status for one in answers} for name, answers in statuses.items()}
    assert found == {"GET": {200}, "POST": {503}, "POST with a key": {200}}


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
        server.kubectl("delete", "-f", "-", input=_text(policies))


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


def _text(objects: list[Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
