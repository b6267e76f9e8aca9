"""What a review costs beside reading its two sides: `python -m bench.review`.

The objects are those of `bench.check`. The change removes one caller, adds another and moves a fault: the report has
risks, a graph, a picture and folds. The baseline in the same run serializes both sides as JSON, which reading them
costs at least. Times are CPU seconds: other programs do not count. Those that check configurations are other programs:
theirs is the time on the clock, for the configurations of stack `prod`, whose number does not grow with the services.
"""

from __future__ import annotations

import argparse
import copy
import cProfile
import json
import statistics
import time
from typing import Any

from bench import check
from otel_mesh.check.index import Index
from otel_mesh.check.objects import objects
from otel_mesh_cli.review.markdown import comment
from otel_mesh_cli.review.model import Version
from otel_mesh_cli.review.picture import svg
from otel_mesh_cli.review.report import Report, Side
from otel_mesh_cli.stacks import stack_file
from otel_mesh_cli.stacks.declared import declared
from otel_mesh_cli.validation.configurations import of
from otel_mesh_cli.validation.validated import validated

SIZES = (200, 1000)
_LIMITED, _LIMIT_S = 200, 2.0
_KINDS = ("AuthorizationPolicy", "NetworkPolicy")


def changed(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The objects with another caller of one service: that of the service two places before it."""
    made = copy.deepcopy(objects)
    policies = [one for one in made if one["kind"] in _KINDS and one["metadata"]["name"].startswith("service-5")]
    for one in policies[:2]:
        rules = one["spec"].get("rules") or one["spec"]["ingress"]
        del rules[0]["from"][0]
    return made


def _report(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> str:
    old, new = (Side(name, Version(tuple(one), "production"), {}) for name, one in (("a", before), ("b", after)))
    report = Report("prod", old, new, "otel-mesh review")
    return comment(report) + svg(report)


def _programs(runs: int) -> tuple[int, float]:
    """Number of the configurations of stack `prod`, and the seconds that the programs on this machine take for them."""
    config = stack_file.content(stack_file.require("prod"))["config"]
    index = Index(objects(declared("prod", config)))
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        validated(index, index)
        taken.append(time.perf_counter() - start)
    return len(list(of(index))), statistics.median(taken)


def _steps(count: int) -> int:
    """Number of function calls that a review takes, which neither caches nor other programs change."""
    before = check.objects(count)
    after = changed(before)
    profile = cProfile.Profile()
    profile.runcall(_report, before, after)
    return sum(one.callcount for one in profile.getstats())


def main() -> None:
    """Print a table, and whether the cost grows with the number of services alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of which the median counts")
    runs = parser.parse_args().runs
    print(f"{'services':>8} {'objects':>8} {'json s':>8} {'review s':>9} {'ratio':>7} {'ms/service':>11}")
    taken = {}
    for count in SIZES:
        before = check.objects(count)
        after = changed(before)
        read = check.seconds(lambda one=before, two=after: (json.dumps(one), json.dumps(two)), runs)  # type: ignore[misc]
        taken[count] = check.seconds(lambda one=before, two=after: _report(one, two), runs)  # type: ignore[misc]
        columns = f"{read:8.3f} {taken[count]:9.3f} {taken[count] / read:7.1f} {1000 * taken[count] / count:11.3f}"
        print(f"{count:8} {len(before):8} {columns}")
    growth = taken[SIZES[-1]] / taken[SIZES[0]]
    steps = _steps(SIZES[-1]) / _steps(SIZES[0])
    print(
        f"{SIZES[-1] // SIZES[0]} times the services take {growth:.1f} times as long, and {steps:.2f} times the calls"
    )
    number, more = _programs(runs)
    print(f"{number} configurations of both sides, checked by the programs that are here: {more:.2f} s on the clock")
    print(f"limit for {_LIMITED} services: {_LIMIT_S} s, taken {taken[_LIMITED] + more:.3f} s")


if __name__ == "__main__":
    main()
