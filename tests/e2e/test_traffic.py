"""B2, S1.3, S1.4, S1.11, S2.2: traffic policies on real sidecars: canary, A/B test, faults, resilience, rate limit."""

from __future__ import annotations

from collections import Counter
from math import sqrt
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.components.mesh.traffic_policies import TUTORIAL
from tests.e2e.traffic_lab import Answer, Lab, lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

SIGMAS: Final = 5
"""A share that is right is off by more than this once in 1.7 million runs."""


@pytest.fixture(scope="module")
def server(kubectl: Callable[..., str]) -> Iterator[Lab]:
    with lab(kubectl, "shop") as made:
        yield made


def is_share(number: int, of: int, share: float, sigmas: float = SIGMAS) -> bool:
    """Whether a number is what a share of independent requests gives."""
    return abs(number - of * share) <= sigmas * sqrt(of * share * (1 - share))


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


def test_s1_3_s1_4_s2_2_the_example_has_the_tutorial_s_figures(
    server: Lab, record_property: Callable[[str, str], None]
) -> None:
    """The policy of examples/traffic: what is delayed, aborted and sent to the canary, within 3 sigma."""
    server.apply(TUTORIAL)
    server.until(lambda: "x-fault-injected" in next(o for o in server.ask(times=5, many=5) if o.status == 200).headers)
    answers: list[Answer] = []
    table = ""
    for _ in range(2):  # one share in 370 is off by chance: more requests decide
        answers += server.ask(times=1000, many=40)
        served = [one for one in answers if one.status == 200]
        shares = {
            "delayed by 5 s": (sum(one.seconds >= 5 for one in answers), len(answers), 0.1),
            "aborted with 503": (sum(one.status == 503 for one in answers), len(answers), 0.05),
            "served by the canary": (sum(one.version == "v2" for one in served), len(served), 0.1),
        }
        table = "\n".join(
            f"{name:22} {number:4} of {of}  wanted {of * share:.0f} +- {3 * sqrt(of * share * (1 - share)):.0f}"
            for name, (number, of, share) in shares.items()
        )
        if all(is_share(*one, sigmas=3) for one in shares.values()):
            break
    else:
        pytest.fail(table)
    by_header = server.ask(times=50, many=25, x_canary="true")
    table += f"\nserved by the canary, of {sum(one.status == 200 for one in by_header)} with the header: "
    table += str(sum(one.version == "v2" for one in by_header))
    record_property("table", table)
    print(table)  # noqa: T201 - the counts
    assert {one.body for one in answers if one.status != 200} == {"fault filter abort"}
    assert all(one.headers["x-fault-injected"] == "true" for one in served)
    assert {one.version for one in by_header if one.status == 200} == {"v2"}
    marks = {(one.version, one.headers["x-trace-version"], one.headers["x-traffic-weight"]) for one in served}
    assert marks == {("v1", "stable", "90"), ("v2", "canary", "10")}
    # one after the other: five failures in a row would eject the pod
    repeated = [one for one in server.ask(path="/flaky?id={}", times=10) if one.body != "fault filter abort"]
    assert {one.status for one in repeated} == {200}, "the service fails once, and the mesh repeats the GET"


def test_s1_4_a_fault_for_testers_leaves_others_alone(server: Lab) -> None:
    server.apply({"fault": {"abort": {"status": 418}, "header": {"name": "x-tester"}}})
    server.until(lambda: server.ask(x_tester="true")[0].status == 418)
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


def test_s1_3_a_failing_pod_is_ejected(server: Lab) -> None:
    outliers = {"consecutive_errors": 3, "interval": "1s", "ejection_time": "30s", "max_ejection_percent": 100}
    server.apply({"resilience": {"outliers": outliers}})
    before = server.statistic("outlier_detection.ejections_enforced_total")

    def ejected() -> bool:
        server.ask(path="/fail", times=12, many=4)
        return server.statistic("outlier_detection.ejections_enforced_total") > before

    server.until(ejected)


def test_s1_3_requests_above_the_limits_fail_at_once(server: Lab) -> None:
    limits = {"max_connections": 1, "max_pending_requests": 1, "max_requests": 1}
    server.apply({"resilience": {"connections": limits}})

    def statuses() -> Counter[int]:
        return Counter(one.status for one in server.ask(path="/slow?s=0.5", times=20, many=20))

    server.until(lambda: statuses()[503] > 0)
    found = statuses()
    assert set(found) == {200, 503}
    assert server.statistic("overflow") > 0


def test_b2_a_rate_limit_is_per_pod(server: Lab) -> None:
    policy: dict[str, Any] = {"canary": {"version": "v2"}, "rate_limit": {"requests": 10, "interval": "1h"}}
    server.apply(policy)
    server.until(lambda: server.ask(x_canary="true", times=11)[-1].status == 429)
    assert {one.status for one in server.ask(x_canary="true", times=20)} == {429}
    stable = Counter(one.status for one in server.ask(times=30))  # its own bucket is full, once its proxy has one
    assert stable[200] >= 10
    server.until(lambda: server.ask()[0].status == 429)


def test_b2_a_policy_that_goes_leaves_nothing(server: Lab) -> None:
    server.apply({})
    server.until(lambda: {"v1", "v2"} == {one.version for one in server.ask(times=30, many=10)})
    listed = server.kubectl(
        "-n", server.namespace, "get", "virtualservices,destinationrules,envoyfilters", "-o", "name"
    )
    assert listed == ""
