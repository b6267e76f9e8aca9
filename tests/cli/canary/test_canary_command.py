"""B13: `otel-mesh canary`: what it says of a stage, and what it writes."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh import Catalog
from otel_mesh_cli.main import main
from otel_mesh_cli.oncall import sources as oncall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FILE = """\
config:
  otel-mesh:settings:
    cluster: { context: here }
    services:
      orders:
        traffic:
          canary: { version: v2, weight: %s, stages: [5, 25, 100] } # step by step
"""
CATALOG = Catalog.model_validate({"name": "shop", "services": [{"name": "orders", "port": 8080, "version": "v1"}]})


@dataclass
class Stack:
    """A deployed stack, as far as the commands ask it."""

    canaries: dict[str, int]
    requests: dict[str, tuple[int, int, float]] = field(default_factory=dict)
    """Requests, errors and latency in seconds by version."""
    catalog: Catalog = CATALOG

    @property
    def prometheus(self) -> Stack:
        return self

    def samples(self, query: str) -> list[tuple[Mapping[str, str], float]]:
        """The value of one of the gate's queries."""
        version = next(one for one in self.requests if f'service_version="{one}"' in query)
        requests, errors, latency = self.requests[version]
        return [({}, latency if "quantile" in query else errors if "error_type" in query else requests)]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "infra" / "otel_mesh_stack").mkdir(parents=True)
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "Pulumi.dev.yaml"
    place.write_text(FILE % 5)
    return place


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    made = Stack({"orders": 5}, {"v1": (1900, 19, 0.1), "v2": (100, 1, 0.1)})

    @contextmanager
    def found(_target: object) -> Iterator[Any]:
        yield made

    monkeypatch.setattr(oncall, "sources", found)
    return made


def test_b13_a_passed_gate_writes_the_next_stage(file: Path, stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert stack.canaries == {"orders": 5}
    assert main(["canary", "advance", "orders", "--stack", "dev"]) == 0
    assert file.read_text() == FILE % 25
    told = capsys.readouterr().out
    assert told.startswith("Pulumi.dev.yaml:7: weight 5 -> 25\n")
    assert "otel-mesh up --stack dev" in told


@pytest.mark.parametrize(
    ("canary", "said"),
    [
        ((99, 0, 0.1), "waiting: the canary served 99 of 100 requests in 10m"),
        ((100, 3, 0.1), "failed: 3.0% of the canary's requests fail, above 2.0% (stable 1.0% + 1.0%)"),
        ((100, 1, 0.2), "failed: p95 of the canary is 200 ms, above 150 ms (stable 100 ms x 1.5)"),
    ],
)
def test_b13_a_gate_that_did_not_pass_changes_nothing(
    canary: tuple[int, int, float], said: str, file: Path, stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.requests["v2"] = canary
    assert main(["canary", "advance", "orders", "--stack", "dev"]) == 1
    assert said in capsys.readouterr().out
    assert main(["canary", "status", "orders", "--stack", "dev"]) == 1
    assert said in capsys.readouterr().out
    assert file.read_text() == FILE % 5


def test_b13_a_rollback_is_one_number_and_asks_nobody(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["canary", "rollback", "orders", "--stack", "dev"]) == 0
    assert file.read_text() == FILE % 0
    assert capsys.readouterr().out.startswith("Pulumi.dev.yaml:7: weight 5 -> 0\n")


def test_b13_the_first_stage_needs_no_gate(file: Path, stack: Stack) -> None:
    file.write_text(FILE % 0)
    stack.canaries["orders"] = 0
    stack.requests["v2"] = (0, 0, float("nan"))
    assert main(["canary", "advance", "orders", "--stack", "dev"]) == 0
    assert file.read_text() == FILE % 5


def test_b13_the_status_is_data_for_programs(file: Path, stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert file.exists()
    assert stack.canaries
    assert main(["canary", "status", "orders", "--stack", "dev", "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["stage"], found["next_stage"], found["outcome"]) == (5, 25, "passed")
    assert found["canary"] == {"requests": 100, "errors": 1, "latency_s": 0.1}


@pytest.mark.parametrize(
    ("service", "weight", "deployed", "said"),
    [
        (
            "orders",
            100,
            100,
            "orders: no stage follows 100 %; make v2 the version of the service",
        ),
        ("orders", 25, 5, "orders: the stage in the file is 25 %, the deployed one is 5 %; deploy the file first"),
        ("orders", 7, 7, "services.orders.traffic.canary.weight: 7 is not a stage; set it to one of 0, 5, 25, 100"),
        ("users", 5, 5, "services.users.traffic.canary: there is no canary; describe one there"),
    ],
)
def test_b13_a_wrong_question_is_one_line(  # noqa: PLR0913, PLR0917 - the question, its answer, and two fixtures
    service: str,
    weight: int,
    deployed: int,
    said: str,
    file: Path,
    stack: Stack,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file.write_text(FILE % weight)
    stack.canaries["orders"] = deployed
    assert main(["canary", "advance", service, "--stack", "dev"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert file.read_text() == FILE % weight
