"""Traffic policies on the real engine, provider and API server: what a change of one costs, and what one leaves.

The tests of this file share one stack and run in file order.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.components.mesh.traffic_policies import TUTORIAL
from tests.engine.stack_program import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.built import Built
    from tests.engine.api_server import ApiServer
    from tests.engine.stack_program import StackProgram

pytestmark = [pytest.mark.engine, pytest.mark.in_order]

DEFINITIONS = ("virtualservices", "destinationrules", "envoyfilters")


@pytest.fixture(scope="module")
def kubectl(api_server: ApiServer, kubeconfig: Path, built: Built) -> Callable[..., str]:
    """Commands for an API server that knows Istio's kinds."""

    def call(*words: str) -> str:
        done = api_server.kubectl(words, kubeconfig)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (definitions,) = (built.charts() / "base" / "files").glob("crd-all*.yaml")
    call("apply", "--server-side", "--force-conflicts", f"--filename={definitions}")
    names = [f"crd/{one}.networking.istio.io" for one in DEFINITIONS]
    call("wait", *names, "--for=condition=Established", "--timeout=60s")
    return call


@pytest.fixture(scope="module")
def program(
    tmp_path_factory: pytest.TempPathFactory,
    new_program: Callable[[Path, str], StackProgram],
    kubectl: Callable[..., str],  # noqa: ARG001 - the kinds exist first
) -> StackProgram:
    return new_program(tmp_path_factory.mktemp("traffic"), "traffic")


def policy(program: StackProgram, **changes: Any) -> None:  # noqa: ANN401 - JSON
    program.environment["POLICY"] = json.dumps({**TUTORIAL, **changes})


def objects(kubectl: Callable[..., str]) -> list[str]:
    """Policies in the service's namespace, with the UID of each."""
    columns = "-ocustom-columns=:kind,:metadata.name,:metadata.uid"
    return kubectl("get", ",".join(DEFINITIONS), "--namespace=traffic", "--no-headers", columns).splitlines()


def test_the_tutorial_s_figures_are_one_object_for_routes_and_one_for_limits(
    program: StackProgram, kubectl: Callable[..., str]
) -> None:
    policy(program)
    program.up()
    assert [one.split()[:2] for one in objects(kubectl)] == [
        ["VirtualService", "orders"],
        ["DestinationRule", "orders"],
    ]
    assert program.up() == []


def test_another_weight_is_one_update_in_place(program: StackProgram, kubectl: Callable[..., str]) -> None:
    before = objects(kubectl)
    policy(program, canary={**TUTORIAL["canary"], "weight": 5})
    (step,) = program.up()
    assert (step.op, step.place) == ("update", "VirtualService orders")
    policy(program, canary={**TUTORIAL["canary"], "weight": 25})
    (step,) = program.up()
    assert (step.op, step.place) == ("update", "VirtualService orders")
    # the share is told to the service in a header as well
    assert {part.rpartition(".")[2] for part in step.diff} == {"weight", "x-traffic-weight"}
    assert objects(kubectl) == before


def test_a_wrong_policy_is_refused_before_anything_changes(program: StackProgram, kubectl: Callable[..., str]) -> None:
    before = objects(kubectl)
    policy(program, canary={"version": "v9", "weight": 5})
    failed = program.run("up", "--yes", "--skip-preview", check=False)
    assert failed.returncode != 0
    assert "canary: 'v9' is not a version of orders" in failed.stdout + failed.stderr
    assert objects(kubectl) == before


def test_policies_that_are_removed_leave_no_object(program: StackProgram, kubectl: Callable[..., str]) -> None:
    policy(program, canary=None, rate_limit={"requests": 10})
    assert counted(program.up()) == {"update": 2, "create": 1}
    program.environment["POLICY"] = "{}"
    assert counted(program.up()) == {"delete": 3}
    assert objects(kubectl) == []
