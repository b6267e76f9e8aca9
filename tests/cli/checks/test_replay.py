"""Replay: observed calls judged by proposed policies."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console

from otel_mesh.catalog.model import Catalog, Service
from otel_mesh.check.index import Index
from otel_mesh.check.objects import objects
from otel_mesh_cli.checks import replay
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.oncall import options

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = repo_dir() / "tests" / "components" / "check" / "gallery" / "retries_multiplied.yaml"
CATALOG = Catalog(
    name="shop",
    services=(
        Service(name="gateway", port=8080, calls=("orders",), exposed=True),
        Service(name="orders", port=8080, calls=("payments",)),
        Service(name="payments", port=8080),
    ),
)
WINDOW = options.window("1h", end_us=7_200_000_000)


def judged(calls: Iterable[tuple[tuple[str, str], float]]) -> replay.Replay:
    manifests: list[dict[str, Any]] = list(yaml.safe_load_all(FILE.read_text()))
    last = {("gateway", "payments"): 7_000.0}
    return replay.judged(Index(objects(manifests)), CATALOG, calls, last, WINDOW)


def test_a_refused_caller_is_named_with_rate_and_last_time() -> None:
    answer = judged([(("gateway", "orders"), 5.0), (("gateway", "payments"), 72.0)])
    (refused,) = answer.refused
    assert (refused.caller, refused.callee, refused.calls, refused.per_second) == ("gateway", "payments", 72.0, 0.02)
    assert refused.last_seen == "1970-01-01T01:56:40Z"
    assert refused.policy == "AuthorizationPolicy shop/payments"
    assert answer.never_seen == [("orders", "payments")]
    assert answer.compared == 2


def test_callers_without_an_identity_are_not_judged_and_unknown_ones_are_listed() -> None:
    answer = judged([(("user", "gateway"), 5.0), (("orders", "external"), 1.0), (("billing", "orders"), 1.0)])
    assert (answer.refused, answer.compared) == ([], 0)
    assert answer.unjudged == [("billing", "orders")]


def test_the_answer_for_a_person() -> None:
    shown = Console(file=io.StringIO(), width=80)
    replay.show(shown, judged([(("gateway", "payments"), 72.0)]))
    assert isinstance(shown.file, io.StringIO)
    told = shown.file.getvalue()
    assert "REFUSED gateway → payments" in told
    assert "72 calls, 0.020 per s, last 1970-01-01T01:56:40Z" in told
    assert "declared, never seen orders → payments" in told
    assert told.endswith("1 of 1 pairs would be refused\n")
