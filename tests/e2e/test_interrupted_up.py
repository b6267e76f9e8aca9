"""`make up` killed at each of its steps from a stopped environment to a deployed stack: the next one finishes.

SEED=... make e2e-full PYTEST_ARGS="-k interrupted_up"     repeat the same points
"""

from __future__ import annotations

import os
import random
import secrets
import time
from typing import TYPE_CHECKING

import pytest

from otel_mesh_embedded.node.node import assemble
from tests.e2e import node_processes
from tests.e2e.killed_up import WHO, kill_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

pytestmark = [pytest.mark.e2e, pytest.mark.full]

SEED = os.environ.get("SEED") or secrets.token_hex(4)
STEPS = (
    "images",
    "starting etcd",
    "importing images",
    "starting kubelet",
    "applying storage",
    "waiting for the node",
    "created|updated|stack local",
    "sending a request",
)
"""Words of the progress lines of `make up`."""


def moments() -> list[tuple[str, float, str]]:
    """A random process and a random delay of up to two seconds after the line of each step."""
    chance = random.Random(SEED)  # noqa: S311 -- reproducible, not secret
    return [(step, round(chance.uniform(0, 2), 1), chance.choice(list(WHO))) for step in STEPS]


def objects(kubectl: Callable[..., str]) -> list[str]:
    """Every workload of the platform's namespaces; duplicates show objects created twice."""
    kinds = "deployments,statefulsets,services,configmaps,serviceaccounts,secrets,persistentvolumeclaims"
    return sorted(kubectl("get", kinds, "-n", namespace, "-o", "name") for namespace in ("observability", "shop"))


def _forget_an_image(run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str]) -> None:
    """Removes an image, so that the next start has to import it."""
    image = kubectl("get", "deploy", "-n", "shop", "user-service", "-o", "jsonpath={..image}").split()[0]
    done = run(*assemble(built=False).ctr, "images", "remove", "--sync", image)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("step", "later_s", "who"), moments(), ids=str)
def test_up_killed_at_a_step_is_finished_by_the_next_up(  # noqa: PLR0913, PLR0917
    step: str,
    later_s: float,
    who: str,
    run: Callable[..., CompletedProcess[str]],
    kubectl: Callable[..., str],
    record_property: Callable[[str, object], None],
) -> None:
    before = objects(kubectl)
    _forget_an_image(run, kubectl)
    assert run("make", "down").returncode == 0
    said = kill_up(step, who, later_s)
    started = time.monotonic()
    done = run("make", "up", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    seconds = time.monotonic() - started
    record_property("killed", f"SEED={SEED} make up: {who}, {later_s} s after {said!r} | make up {seconds:.1f} s")
    assert objects(kubectl) == before
    assert node_processes.doubles() == []
