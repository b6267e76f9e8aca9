"""B2, S1.3, S1.10, S2.2 on real proxies of either mesh: canary, A/B test, timeout, retries."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.e2e.traffic_lab import is_share

if TYPE_CHECKING:
    from tests.e2e.traffic_lab import Lab

pytestmark = pytest.mark.e2e


def _versions(server: Lab, **headers: str) -> set[str]:
    """Versions that answer 40 requests: without a policy, or by the one before, that is one of them by no chance."""
    return {one.version for one in server.ask(times=40, many=10, **headers)}


def test_s1_3_the_header_chooses_the_canary_and_clients_cannot_forge_the_marker(server: Lab) -> None:
    server.apply({"canary": {"version": "v2"}})
    server.until(lambda: _versions(server, x_canary="true") == {"v2"} and _versions(server) == {"v1"})
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
    server.until(lambda: _versions(server, x_ab_group="new") == {"v2"})
    named = {name: {one.version for one in server.ask(times=10, x_ab_group=name)} for name in groups}
    assert named == {"control": {"v1"}, "new": {"v2"}}
    others = server.ask(times=400, many=20)
    assert is_share(sum(one.version == "v2" for one in others), 400, 0.5)
    assert {(one.version, one.headers["x-ab-group"]) for one in others} == {("v1", "control"), ("v2", "new")}


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
