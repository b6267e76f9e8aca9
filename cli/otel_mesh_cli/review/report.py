"""The report on a change of a stack: everything that its renderings show."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from otel_mesh.check.findings import Severity
from otel_mesh_cli.checks import report as checks
from otel_mesh_cli.review import acceptance, origins
from otel_mesh_cli.review.introduced import findings
from otel_mesh_cli.review.kinds import SEVERE
from otel_mesh_cli.review.objects import compare
from otel_mesh_cli.review.risks import risks
from otel_mesh_cli.review.verdict import totals, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.check.findings import Finding
    from otel_mesh_cli.checks.replay import RefusedCall
    from otel_mesh_cli.review.acceptance import Acceptance, Terms
    from otel_mesh_cli.review.introduced import Findings
    from otel_mesh_cli.review.kinds import Risk
    from otel_mesh_cli.review.model import Version
    from otel_mesh_cli.review.objects import Change
    from otel_mesh_cli.review.origins import Line
    from otel_mesh_cli.review.traffic import Traffic
    from otel_mesh_cli.validation.validated import Validated


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    Attributes:
        name: What it is called: a commit, or the working tree.
        version: The stack's objects.
        sources: Texts of the stack's file, the catalog and the program's changed files, by path in the repository.
        unchecked: What cannot be compared with this side, one sentence each.
        date: Time of the commit in UTC (ISO 8601); empty if the side is no commit.
    """

    name: str
    version: Version
    sources: Mapping[str, str]
    unchecked: tuple[str, ...] = ()
    date: str = ""


@dataclass(frozen=True)
class Report:
    """What a change does.

    Attributes:
        stack: Name of the stack.
        before: The base.
        after: The proposed version.
        command: Command that makes this report.
        traffic: Observed calls, judged; None if they were not asked for.
        validated: What programs say about the configurations of both sides; None if they were not asked.
        terms: Policy of the repository and labels of the pull request; None without a policy.
    """

    NAME: ClassVar[str] = "review"
    """What the report calls itself."""

    stack: str
    before: Side
    after: Side
    command: str
    traffic: Traffic | None = field(default=None, kw_only=True)
    validated: tuple[Validated, Validated] | None = field(default=None, kw_only=True)
    terms: Terms | None = field(default=None, kw_only=True)

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What an update does with each object."""
        return compare(self.before.version.manifests, self.after.version.manifests)

    @cached_property
    def risks(self) -> tuple[Risk, ...]:
        """Risks of the change, worst kind first."""
        return risks(self.before.version, self.after.version, self.changes)

    @cached_property
    def findings(self) -> Findings:
        """Findings of the checks and of programs: those of the change, and the number of the others."""
        before, after = (one.findings for one in self.validated) if self.validated else ((), ())
        return findings((*before, *self.before.version.findings), (*after, *self.after.version.findings))

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Changed lines of the stack's file and the catalog."""
        return origins.changed(self.before.sources, self.after.sources)

    @property
    def verdict(self) -> str:
        """What the change does, in one sentence."""
        return verdict(self.risks, self.changes, self.findings.introduced, self.refused)

    @property
    def totals(self) -> str:
        """Numbers of objects by what happens to them."""
        return totals(self.changes)

    @property
    def severe(self) -> tuple[Risk, ...]:
        """Risks that a reviewer has to accept on purpose."""
        return tuple(risk for risk in self.risks if risk.kind in SEVERE)

    @property
    def refused(self) -> tuple[RefusedCall, ...]:
        """Observed calls that the change refuses."""
        return self.traffic.refused if self.traffic else ()

    @property
    def serious(self) -> tuple[Finding, ...]:
        """Findings of the checks that the change introduces, without notes."""
        return tuple(one for one in self.findings.introduced if one.severity is not Severity.INFO)

    @cached_property
    def acceptances(self) -> tuple[Acceptance, ...]:
        """Labels that the repository's policy asks for."""
        return acceptance.acceptances(self, self.terms) if self.terms else ()

    def fails(self, on: str) -> bool:
        """Whether the command ends with 1.

        Args:
            on: ``none``, ``policy`` (a label is missing), ``severe`` (severe risks, observed calls that are refused,
                errors of the checks) or ``any`` (all risks, warnings too).
        """
        errors = [one for one in self.serious if one.severity is Severity.ERROR]
        match on:
            case "policy":
                return not all(one.is_given for one in self.acceptances)
            case "severe":
                return bool(self.severe or self.refused or errors)
            case "any":
                return bool(self.risks or self.refused or self.serious)
            case _:
                return False

    @property
    def unchecked(self) -> tuple[str, ...]:
        """What the report cannot know, one sentence each."""
        return (
            "Whether the API server admits these objects, and what its webhooks add to them.",
            "What differs between the deployed state and the base.",
            "Objects of charts: a chart is compared by its version and values, and the checks do not see its objects.",
            "Code in images: an image is compared by its reference.",
            *(() if self.traffic else ("Calls that are made: `--against-traffic 7d` judges those of a week.",)),
            *(self.validated[1].unchecked if self.validated else ()),
            *self.before.unchecked,
            *self.after.unchecked,
        )

    def data(self) -> dict[str, Any]:
        """The report as values that JSON can hold; objects by name and changed fields only."""
        return {
            "stack": self.stack,
            "before": self.before.name,
            "after": self.after.name,
            "date": self.after.date or None,
            "verdict": self.verdict,
            "risks": [
                {
                    "kind": risk.kind.value,
                    "severe": risk.kind in SEVERE,
                    "subject": risk.subject,
                    "before": risk.before,
                    "after": risk.after,
                    "reason": risk.reason,
                    "lines": [{"file": line.file, "line": line.number} for line in origins.of(risk, self.lines)],
                }
                for risk in self.risks
            ],
            "findings": {
                "introduced": [checks.data(one) for one in self.findings.introduced],
                "kept": self.findings.kept,
                "resolved": self.findings.resolved,
            },
            "policy": acceptance.data(self),
            "traffic": self.traffic.data() if self.traffic else None,
            "objects": [
                {"object": str(one.key), "action": one.action.value, "fields": list(one.fields)} for one in self.changes
            ],
            "unchecked": list(self.unchecked),
        }
