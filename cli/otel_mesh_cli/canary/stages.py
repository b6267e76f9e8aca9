"""The canary of a service: its stage in the stack's file, and what its gate says of the deployed one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh.core.errors import InvalidSettingsError, parse
from otel_mesh.mesh.policies.canary import Canary
from otel_mesh_cli.canary import stage_file
from otel_mesh_cli.canary.judging import Outcome, Verdict, judge
from otel_mesh_cli.canary.measuring import Measured, measure
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks import stack_file

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from otel_mesh_cli.oncall.sources import Sources


@dataclass(frozen=True)
class Status:
    """Where a canary stands."""

    service: str
    """Name of the service."""
    stage: int
    """Deployed weight in percent."""
    next_stage: int | None
    """Weight of the next stage; None after the last."""
    stable_version: str
    """Version beside the canary."""
    stable: Measured
    """What the stable version did in the gate's window."""
    canary_version: str
    """Version of the canary."""
    canary: Measured
    """What the canary did in the gate's window."""
    outcome: Outcome
    """What the gate says."""
    reasons: tuple[str, ...]
    """Why, one sentence each; empty if it passed."""

    @property
    def is_ready(self) -> bool:
        """Whether the next stage may follow."""
        return self.next_stage is not None and self.outcome is Outcome.PASSED


def path_of(service: str) -> tuple[str, ...]:
    """Keys of a canary below the settings of a stack."""
    return ("services", service, "traffic", "canary")


def canary_of(stack: str, service: str) -> tuple[Path, Canary]:
    """The stack's file and the canary that it describes.

    Args:
        stack: Name of the stack.
        service: Name of the service.

    Raises:
        CommandError: The file describes no canary of the service, or a wrong one.
    """
    file = stack_file.require(stack)
    path = path_of(service)
    found = stack_file.value(file, stack_file.settings(stack), *path, kind=dict, default={})
    if not found:
        raise CommandError(f"{file.name}: {'.'.join(path)}: there is no canary", remedy="describe one there")
    try:
        return file, parse(Canary, found, ".".join(path))
    except InvalidSettingsError as error:
        first = error.problems[0]
        raise CommandError(f"{file.name}: {first.path}: {first.reason}", remedy=first.remedy) from None


def status(stack: str, service: str, sources: Sources) -> Status:
    """What the gate says of the deployed stage.

    Args:
        stack: Name of the stack.
        service: Name of the service.
        sources: Backends and outputs of the stack.

    Raises:
        CommandError: There is no canary, the file's stage is not deployed, or Prometheus does not answer.
    """
    file, canary = canary_of(stack, service)
    deployed = sources.canaries.get(service)
    if deployed != canary.weight:
        there = "none" if deployed is None else f"{deployed} %"
        reason = f"the stage in the file is {canary.weight} %, the deployed one is {there}"
        raise CommandError(f"{file.name}: {service}: {reason}", remedy="deploy the file first, with `otel-mesh up`")
    version = sources.catalog.service(service).version
    stable, measured = (measure(sources.prometheus, service, one, canary.gate) for one in (version, canary.version))
    # before the first stage the canary gets no share of the requests that could be judged
    verdict = Verdict(Outcome.PASSED, ()) if canary.weight == 0 else judge(canary.gate, stable, measured)
    return Status(
        service=service,
        stage=canary.weight,
        next_stage=canary.next_stage,
        stable_version=version,
        stable=stable,
        canary_version=canary.version,
        canary=measured,
        outcome=verdict.outcome,
        reasons=verdict.reasons,
    )


def move(stack: str, service: str, weight: int) -> str:
    """Write a stage into the stack's file; returns the place that changed.

    Args:
        stack: Name of the stack.
        service: Name of the service.
        weight: Weight of the stage in percent.

    Raises:
        CommandError: The file has no such number.
    """
    file, canary = canary_of(stack, service)
    line = stage_file.write(file, (*path_of(service), "weight"), weight)
    return f"{file.name}:{line}: weight {canary.weight} -> {weight}"


def show(console: Console, found: Status) -> None:
    """Print a status for a person."""
    console.print(f"{found.service}: {found.canary_version} gets {found.stage} % of the requests", highlight=False)
    for name, one in ((found.stable_version, found.stable), (found.canary_version, found.canary)):
        latency = "-" if one.latency_s is None else f"{one.latency_s * 1000:.0f} ms"
        told = f"{one.requests:7} requests  {one.error_share:6.2%} failed  {latency:>9}"
        console.print(f"  {name:12} {told}", highlight=False)
    for reason in found.reasons:
        console.print(f"  {found.outcome.value}: {reason}", highlight=False)
    if not found.reasons:
        following = "all requests" if found.next_stage is None else f"{found.next_stage} % may follow"
        console.print(f"  {found.outcome.value}: {following}", highlight=False)
