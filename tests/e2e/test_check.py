"""B12: proposed access policies replayed over the calls that the service map recorded, before they are applied."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh.catalog.derivations import service_edges
from otel_mesh_stack.services import CATALOG
from tests.e2e import shop_traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess

    import httpx

pytestmark = pytest.mark.e2e

_DEADLINE_S = 120.0
_WINDOW = "10m"
"""Shorter than since tests before these had other routes and other callers."""
CALLER, CALLEE = "order-service", "payment-service"


@pytest.fixture(scope="module")
def rendered(run: Callable[..., CompletedProcess[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The objects of stack `local` as files."""
    folder = tmp_path_factory.mktemp("stack") / "rendered"
    done = run("otel-mesh", "render", "--stack", "local", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def replay(
    run: Callable[..., CompletedProcess[str]], http: httpx.Client
) -> Callable[..., tuple[int, dict[str, Any], list[dict[str, Any]]]]:
    """Exit status, comparison and findings of objects, once every declared call is on the service map."""
    for _ in range(3):
        shop_traffic.send(http)

    def call(*words: str) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
        end = time.monotonic() + _DEADLINE_S
        while True:
            done = run("otel-mesh", "check", *words, "--against-traffic", _WINDOW, "--output", "json")
            assert done.returncode in (0, 1), done.stderr
            answer = json.loads(done.stdout)
            if not answer["traffic"]["never_seen"]:
                return done.returncode, answer["traffic"], answer["findings"]
            assert time.monotonic() < end, answer["traffic"]
            time.sleep(2)

    return call


def test_b12_the_stack_as_it_is_refuses_no_caller(
    replay: Callable[..., tuple[int, dict[str, Any], list[dict[str, Any]]]], rendered: Path
) -> None:
    status, traffic, findings = replay(str(rendered))
    assert [one for one in findings if one["severity"] != "info"] == []
    assert traffic["refused"] == []
    assert traffic["compared"] >= len(service_edges(CATALOG))
    assert status == 0


def test_b12_a_caller_that_a_change_would_refuse_is_named_with_rate_and_last_time(
    replay: Callable[..., tuple[int, dict[str, Any], list[dict[str, Any]]]], rendered: Path
) -> None:
    file = rendered / "shop" / f"authorizationpolicy-{CALLEE}-callers.yaml"
    whole = file.read_text()
    policy = yaml.safe_load(whole)
    (rule,) = policy["spec"]["rules"]
    sources = rule["from"][0]["source"]
    sources["principals"] = [one.replace(f"/sa/{CALLER}", "/sa/user-service") for one in sources["principals"]]
    try:
        file.write_text(yaml.safe_dump(policy))
        status, traffic, _ = replay(str(rendered))
    finally:
        file.write_text(whole)
    (refused,) = traffic["refused"]
    assert (refused["caller"], refused["callee"]) == (CALLER, CALLEE)
    assert refused["policy"] == f"AuthorizationPolicy shop/{CALLEE}-callers"
    assert refused["calls"] >= 1
    assert refused["per_second"] > 0
    last = datetime.fromisoformat(refused["last_seen"])
    assert timedelta() <= datetime.now(UTC) - last < timedelta(minutes=10)
    assert status == 1


def test_b12_the_stack_is_rendered_where_no_files_are_given(run: Callable[..., CompletedProcess[str]]) -> None:
    done = run("otel-mesh", "check", "--stack", "local", "--against-traffic", _WINDOW)
    assert (done.returncode, done.stderr) == (0, "")
    assert "none would be refused" in done.stdout
