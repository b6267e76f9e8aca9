"""B12: observed calls judged by proposed policies."""

from __future__ import annotations

import io
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console

from otel_mesh.catalog.model import Catalog, Service
from otel_mesh.check.index import Index
from otel_mesh.check.objects import objects
from otel_mesh_cli.checks import replay
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.oncall import options, service_map
from otel_mesh_cli.oncall.sources import Target
from tests.programs.command import output_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest

    from tests.built import Built

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


def test_a_caller_that_nobody_answered_is_told_apart() -> None:
    answer = judged([(("gateway", "payments"), 0.0), (("gateway", "orders"), 0.0)])
    assert (answer.refused, answer.unanswered, answer.compared) == ([], [("gateway", "payments")], 2)
    shown = Console(file=io.StringIO(), width=80)
    replay.show(shown, answer)
    assert isinstance(shown.file, io.StringIO)
    assert "refused, but no call was answered gateway → payments" in shown.file.getvalue()


def test_failed_calls_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    observed = [(("gateway", "payments"), 9.0, 2.0, None), (("orders", "payments"), 3.0, 3.0, None)]
    given: list[object] = []
    monkeypatch.setattr(replay, "sources", lambda _: nullcontext(SimpleNamespace(prometheus=None)))
    monkeypatch.setattr(service_map, "observed", lambda *_: observed)
    monkeypatch.setattr(replay, "last_calls", lambda *_: {})
    monkeypatch.setattr(replay, "judged", lambda _index, _catalog, calls, *_: given.extend(calls))
    replay.ask(Target("dev"), Index([]), WINDOW)
    assert given == [(("gateway", "payments"), 7.0), (("orders", "payments"), 0.0)]


def test_the_answer_for_a_person() -> None:
    shown = Console(file=io.StringIO(), width=80)
    replay.show(shown, judged([(("gateway", "payments"), 72.0)]))
    assert isinstance(shown.file, io.StringIO)
    told = shown.file.getvalue()
    assert "REFUSED gateway → payments" in told
    assert "72 answered calls, 0.020 per s, last 1970-01-01T01:56:40Z" in told
    assert "declared, never seen orders → payments" in told
    assert told.endswith("1 of 1 pairs would be refused\n")


def test_the_last_call_is_known_of_counters_that_appeared_and_grew_no_more(built: Built, tmp_path: Path) -> None:
    """``increase`` sees no growth where a counter begins with all the calls there were."""

    def series(client: str, values: str) -> dict[str, str]:
        return {"series": f'traces_service_graph_request_total{{client="{client}",server="b"}}', "values": values}

    def last(client: str, second: float) -> dict[str, Any]:
        return {"labels": f'{{client="{client}",server="b"}}', "value": second}

    case = {
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    series("grows", "0+1x80"),
                    series("began", "_x40 3x40"),  # at 600 s, with three calls
                    series("just began", "_x80 1"),
                    series("long ago", "5x80"),
                    series("ended", "0+1x60 60x20"),  # its last call came at 900 s
                ],
                "promql_expr_test": [
                    {
                        "expr": replay.last_calls_query(options.window("15m", end_us=1_210_000_000)),
                        "eval_time": "1210s",
                        "exp_samples": [
                            last("grows", 1200),
                            last("began", 630),
                            last("just began", 1200),
                            last("ended", 930),
                        ],
                    }
                ],
            }
        ],
    }
    file = tmp_path / "last.test.yaml"
    file.write_text(yaml.safe_dump(case))
    output_of(built("promtool") / "promtool", "test", "rules", file)
