"""The engine killed with SIGKILL at random points of a first deployment and of a change: the next `make up` recovers.

    make e2e-full PYTEST_ARGS="-k interrupted_engine"     20 points of each, distributed over time and events
    SEED=... POINTS=...                                   repeat the same points; number of points of each

Each point prints a line in the summary: the killed process, the point, the pending operations and the seconds.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import killed_update
from tests.e2e.killed_update import ENGINE, EVERYTHING, Awaited, Killed, Length, Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from subprocess import CompletedProcess

pytestmark = [pytest.mark.e2e, pytest.mark.full]

SEED = os.environ.get("SEED") or secrets.token_hex(4)
POINTS = int(os.environ.get("POINTS", "20"))
AS_IT_IS: Mapping[str, Any] = {}
CHANGED: Mapping[str, Any] = {
    "collector": {"metrics_interval_seconds": 7},  # a ConfigMap and a Deployment
    "jaeger": {"storage": {"kind": "persistent", "size": "1Gi", "storage_class": "local"}},  # one more object
    "postgres": {"resources": {"cpu": "110m"}},  # the StatefulSet
    "service_defaults": {"log_level": "DEBUG"},  # every service
}
OURS = {"app.kubernetes.io/part-of": "otel-mesh", "app.kubernetes.io/managed-by": "pulumi"}
PSQL = 'PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") exec psql --no-password -At -U shop -d user_service -c "$1"'


def points(what: str) -> list[tuple[Point, bool]]:
    """Points evenly distributed over an update, half by time and half by events, and whether the change is reverted."""
    chance = random.Random(f"{SEED} {what}")  # noqa: S311 -- reproducible, not secret
    found = []
    for number in range(POINTS):
        part = (number + chance.random()) / POINTS
        victim = chance.choice([EVERYTHING, EVERYTHING, "the CLI", "the CLI", *ENGINE])
        found.append((Point(part, bool(number % 2), victim), chance.random() < 0.5))
    return found


@pytest.fixture(scope="module")
def kinds(kubectl: Callable[..., str]) -> str:
    """All listable resource types, separated by commas."""
    return ",".join(kubectl("api-resources", "--verbs=list", "-o", "name").split())


@pytest.fixture
def converged(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str], kinds: str
) -> Callable[[Mapping[str, Any]], None]:
    """Fail if the environment differs from the settings or contains anything else."""

    def call(settings: Mapping[str, Any]) -> None:
        assert killed_update.residue() == []
        assert killed_update.pending() == ()
        known = killed_update.known_objects()
        listed = json.loads(kubectl("get", kinds, "-A", "-o", "json"))["items"]
        there = killed_update.cluster_objects(listed)
        assert {place: there.get(place) for place in known} == known
        # objects of the mesh's charts have no labels of ours
        labelled = killed_update.cluster_objects(
            item for item in listed if OURS.items() <= item["metadata"].get("labels", {}).items()
        )
        assert labelled.keys() - known.keys() == set()
        preview = ("preview", "--refresh", "--expect-no-changes", "--non-interactive")
        done = run(*killed_update.command(settings, "pulumi", "--", *preview))
        assert done.returncode == 0, done.stdout + done.stderr

    return call


@pytest.fixture
def rows(run: Callable[..., CompletedProcess[str]]) -> Callable[[str], str | None]:
    """Query PostgreSQL; None if it does not answer."""

    def sql(text: str) -> str | None:
        done = run("kubectl", "exec", "-n", "shop", "statefulset/postgres", "--", "sh", "-c", PSQL, "sh", text)
        return done.stdout.strip() if done.returncode == 0 else None

    return sql


WRITE = "create table if not exists kept (at timestamptz default now()); insert into kept default values"


@dataclass
class Stack:
    """The last requested settings of stack local, and the length of its updates."""

    run: Callable[..., CompletedProcess[str]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    lengths: dict[str, Length] = field(default_factory=dict)

    def measure(self, what: str, settings: Mapping[str, Any]) -> None:
        """Measure the length of a complete update."""
        whole = killed_update.run(settings)
        self.lengths[what] = Length(whole.seconds, len(killed_update.events()))
        self.settings = settings

    def empty(self) -> None:
        """Ensure that nothing is deployed."""
        done = self.run("pulumi", "destroy", "--yes", "--skip-preview", "--non-interactive", timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr

    def mend(self, killed: Killed, settings: Mapping[str, Any]) -> str:
        """The `make up` after a kill; returns a line for the summary."""
        started = time.monotonic()
        done = self.run(*killed_update.command(settings, "up"), timeout=600)
        seconds = time.monotonic() - started
        assert done.returncode == 0, f"{killed}\n{done.stdout}{done.stderr}"
        self.settings = settings
        where = "through already" if killed.ended else f"after {killed.seconds:.1f} s: {killed.last_event}"
        return f"{where} | unfinished: {', '.join(killed.pending) or 'nothing'} | make up {seconds:.1f} s"


@pytest.fixture(scope="module")
def stack(run: Callable[..., CompletedProcess[str]]) -> Iterator[Stack]:
    """The stack, restored to the settings of the checkout."""
    found = Stack(run)
    yield found
    done = run("make", "up", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("point", [point for point, _ in points("deployment")], ids=str)
def test_a_killed_deployment_is_finished_by_the_next_one(
    point: Point,
    stack: Stack,
    rows: Callable[[str], str | None],
    converged: Callable[[Mapping[str, Any]], None],
    record_property: Callable[[str, object], None],
) -> None:
    stack.empty()
    if "deployment" not in stack.lengths:
        stack.measure("deployment", AS_IT_IS)
        stack.empty()
    killed = killed_update.run(AS_IT_IS, point, stack.lengths["deployment"])
    written = 0 if rows(WRITE) is None else 1
    record_property(
        "killed", f"SEED={SEED} deployment: {point} | {stack.mend(killed, AS_IT_IS)}, {written} rows before it"
    )
    converged(AS_IT_IS)
    assert rows(WRITE) is not None
    assert rows("select count(*) from kept") == str(written + 1)


def test_an_object_whose_creation_died_with_the_provider_is_taken_over(
    run: Callable[..., CompletedProcess[str]],
    kubectl: Callable[..., str],
    converged: Callable[[Mapping[str, Any]], None],
) -> None:
    """The CLI takes it for absent. Made anew it would be refused: its fields have another manager."""
    kubectl("-n", "shop", "delete", "deployment", "user-service")
    killed = killed_update.run(AS_IT_IS, Awaited("Deployment user-service", "the provider"))
    assert not killed.ended
    assert killed.pending == ()
    made = kubectl("-n", "shop", "get", "deployment", "user-service", "-o", "jsonpath={.metadata.uid}")
    done = run(*killed_update.command(AS_IT_IS, "up"), timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "recovering from an interrupted update: creating Deployment user-service\n" in done.stdout
    assert kubectl("-n", "shop", "get", "deployment", "user-service", "-o", "jsonpath={.metadata.uid}") == made
    converged(AS_IT_IS)


@pytest.mark.parametrize(("point", "back"), points("change"), ids=lambda value: str(value) if value else "")
def test_a_killed_change_is_finished_or_reverted_by_the_next_one(  # noqa: PLR0913, PLR0917
    point: Point,
    back: bool,  # noqa: FBT001
    stack: Stack,
    rows: Callable[[str], str | None],
    converged: Callable[[Mapping[str, Any]], None],
    record_property: Callable[[str, object], None],
) -> None:
    if "change" not in stack.lengths:
        killed_update.run(AS_IT_IS)
        stack.measure("change", CHANGED)
    before, after = stack.settings, AS_IT_IS if stack.settings else CHANGED
    assert rows(WRITE) is not None
    kept = rows("select count(*) from kept")
    killed = killed_update.run(after, point, stack.lengths["change"])
    wanted = before if back else after
    record_property(
        "killed", f"SEED={SEED} change{', taken back' if back else ''}: {point} | {stack.mend(killed, wanted)}"
    )
    converged(wanted)
    assert rows("select count(*) from kept") == kept
