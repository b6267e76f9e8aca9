"""One run of `otel-mesh check`: the objects, the findings, the report and the exit status."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.families import check_index
from otel_mesh.check.findings import Severity
from otel_mesh.check.index import Index
from otel_mesh.check.objects import objects
from otel_mesh_cli.checks import reading, replay, report, sarif
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall import options as oncall_options
from otel_mesh_cli.oncall.sources import Target
from otel_mesh_cli.stacks import rendering, stack_file

if TYPE_CHECKING:
    from rich.console import Console

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.objects import Object

_RANKS: Final = {Severity.ERROR: 2, Severity.WARNING: 1, Severity.INFO: 0}
_FAILS: Final = {"error": 2, "warning": 1, "info": 0, "never": 3}


@dataclass(frozen=True)
class Request:
    """What a run is asked to check."""

    files: tuple[str, ...]
    """Files with the objects; none for those of the stack."""
    stack: str
    """Stack whose objects are checked, and whose traffic is compared."""
    context: str | None
    """Context of the kubeconfig for the stack's Prometheus."""
    against_traffic: str
    """Length of the traffic, e.g. ``7d``; empty for none."""
    prometheus_url: str | None
    """Base URL of Prometheus in place of the stack's."""
    fail_on: str
    """Least severity that ends with status 1, or ``never``."""
    output: str
    """``text``, ``json`` or ``sarif``."""


def run(asked: Request, console: Console) -> int:
    """Check, print, and return the exit status: 1 if something was found that fails, else 0.

    Raises:
        CommandError: The objects or the traffic cannot be read.
    """
    if asked.against_traffic and asked.output == "sarif":
        raise CommandError("--output sarif: has no form for calls", remedy="use --output json with --against-traffic")
    if (asked.context or asked.prometheus_url) and not asked.against_traffic:
        name = "--context" if asked.context else "--prometheus-url"
        raise CommandError(f"{name}: nothing is asked there", remedy="add --against-traffic 7d, or leave it out")
    window = oncall_options.window(asked.against_traffic, flag="--against-traffic") if asked.against_traffic else None
    given, environment = _objects(asked)
    index = Index(given, environment)
    findings = check_index(index)
    target = Target(asked.stack, asked.context, prometheus_url=asked.prometheus_url)
    replayed = replay.ask(target, index, window) if window else None
    match asked.output:
        case "sarif":
            _print(sarif.log(findings))
        case "json":
            _print(_data(asked, findings, len(given), replayed))
        case _:
            report.show(console, findings, len(given))
            if replayed is not None:
                replay.show(console, replayed)
    worst = max((_RANKS[one.severity] for one in findings), default=-1)
    refused = replayed is not None and bool(replayed.refused) and asked.fail_on != "never"
    return 1 if refused or worst >= _FAILS[asked.fail_on] else 0


def _print(data: dict[str, Any]) -> None:
    json.dump(data, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")


def _data(
    asked: Request, findings: tuple[Finding, ...], checked: int, replayed: replay.Replay | None
) -> dict[str, Any]:
    return {
        "stack": None if asked.files else asked.stack,
        "files": list(asked.files),
        "objects": checked,
        "findings": [report.data(one) for one in findings],
        "traffic": None if replayed is None else asdict(replayed),
    }


def _objects(asked: Request) -> tuple[list[Object], str]:
    """The objects, and the environment that they are for."""
    if asked.files:
        return reading.read(asked.files), ""
    with rendering.of(asked.stack) as made:
        plan = made.plan()
    manifests = [state["inputs"] for state in rendering.objects(plan)]
    settings = stack_file.settings(asked.stack)
    return list(objects(manifests)), str(settings.get("environment", ""))
