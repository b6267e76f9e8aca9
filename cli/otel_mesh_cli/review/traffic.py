"""Observed calls that the policies of the proposed version would refuse."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from otel_mesh.check.calls import Calls
from otel_mesh_cli.checks import replay

if TYPE_CHECKING:
    from otel_mesh.check.index import Index
    from otel_mesh_cli.checks.replay import RefusedCall, Replay
    from otel_mesh_cli.oncall.options import Window
    from otel_mesh_cli.oncall.sources import Target


@dataclass(frozen=True)
class Traffic:
    """Observed calls, judged.

    Attributes:
        replay: Judgement by the policies of the proposed version.
        already: Pairs of caller and callee that the base's policies refuse too.
    """

    replay: Replay
    already: frozenset[tuple[str, str]] = frozenset()

    @property
    def refused(self) -> tuple[RefusedCall, ...]:
        """Calls that the change refuses."""
        return tuple(one for one in self.replay.refused if (one.caller, one.callee) not in self.already)

    def data(self) -> dict[str, Any]:
        """The judgement as values that JSON can hold."""
        return {**asdict(self.replay), "refused_by_the_base_too": [list(pair) for pair in sorted(self.already)]}


def judged(before: Index, replayed: Replay) -> Traffic:
    """Tell apart what the change refuses and what the base refuses too.

    Args:
        before: Objects of the base.
        replayed: Judgement by the policies of the proposed version.
    """
    decisions = Calls(before)
    already = set()
    for one in replayed.refused:
        caller, callee = decisions.workload(one.caller), decisions.workload(one.callee)
        if caller is not None and callee is not None and decisions.refusal(caller, callee) is not None:
            already.add((one.caller, one.callee))
    return Traffic(replayed, frozenset(already))


def ask(before: Index, after: Index, target: Target, window: Window) -> Traffic:
    """Read the calls of a window and judge them.

    Args:
        before: Objects of the base.
        after: Objects of the proposed version.
        target: Stack whose calls are read, and how its Prometheus is reached.
        window: Time of the calls.

    Raises:
        CommandError: Prometheus does not answer.
    """
    return judged(before, replay.ask(target, after, window))
