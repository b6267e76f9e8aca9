"""The policy file of a repository: which risks of a change need which label of its pull request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import yaml
from pydantic import AfterValidator, Field

from otel_mesh.core.errors import InvalidSettingsError, parse
from otel_mesh.core.values import Settings
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir

if TYPE_CHECKING:
    from otel_mesh_cli.review.kinds import Kind

FILE: Final = ".otel-mesh/review.yaml"
"""Path of the policy in a repository."""
_LONGEST: Final = 255


def _label(name: str) -> str:
    if (
        not name.strip()
        or name != name.strip()
        or len(name) > _LONGEST
        or not name.isprintable()
        or set(name) & set(",`|")
    ):
        raise ValueError("is not the name of a label; write 1 to 255 characters without , ` | and blanks at the ends")
    return name


Label = Annotated[str, AfterValidator(_label)]


class Labels(Settings):
    """Labels by what they accept.

    Attributes:
        severe: Label for every severe kind that has none of its own; null for none.
        deletes_or_replaces_data: Label for risks of that kind, as for the following ones.
        breaks_calls: Label.
        stops_a_workload: Label.
        opens_access: Label.
        weakens_mtls: Label.
        leaves_the_mesh: Label.
        reaches_production_with_a_fault: Label.
        opens_one_of_two_guards: Label.
        loses_telemetry: Label.
        multiplies_retries: Label.
        moves_traffic: Label.
        reads_another_secret: Label.
        changes_capacity: Label.
        changes_a_version: Label.
        restarts_pods: Label.
        refused_calls: Label for observed callers that would be refused.
        check_errors: Label for errors of the checks that the change introduces.
    """

    severe: Label | None = None
    deletes_or_replaces_data: Label | None = None
    breaks_calls: Label | None = None
    stops_a_workload: Label | None = None
    opens_access: Label | None = None
    weakens_mtls: Label | None = None
    leaves_the_mesh: Label | None = None
    reaches_production_with_a_fault: Label | None = None
    opens_one_of_two_guards: Label | None = None
    loses_telemetry: Label | None = None
    multiplies_retries: Label | None = None
    moves_traffic: Label | None = None
    reads_another_secret: Label | None = None
    changes_capacity: Label | None = None
    changes_a_version: Label | None = None
    restarts_pods: Label | None = None
    refused_calls: Label | None = None
    check_errors: Label | None = None


class Policy(Settings):
    """Content of the file.

    Attributes:
        labels: Labels for every stack.
        stacks: Labels by the name of a stack, in place of those for every stack; null takes one away.
    """

    labels: Labels = Labels()
    stacks: dict[str, Labels] = Field(default_factory=dict)

    def label(self, stack: str, what: str, *, severe: bool) -> str | None:
        """The label that accepts something; None if nothing is needed.

        Args:
            stack: Name of the stack.
            what: A field of `Labels`.
            severe: Whether the label of ``severe`` counts where it has none of its own.
        """
        for labels in (self.stacks.get(stack, Labels()), self.labels):
            for name in (what, "severe") if severe else (what,):
                if name in labels.model_fields_set:
                    found: str | None = getattr(labels, name)
                    return found
        return None


def key(kind: Kind) -> str:
    """The field of `Labels` for a kind of risk.

    Args:
        kind: Kind of risk.
    """
    return kind.value.lower().replace(" ", "_")


def parsed(text: str, place: str) -> Policy:
    """The policy in a file.

    Args:
        text: Content of the file.
        place: What a message names.

    Raises:
        CommandError: The content is no policy.
    """
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        raise CommandError(f"{place}{f':{mark.line + 1}' if mark else ''}: not YAML", remedy="correct it") from None
    try:
        return parse(Policy, {} if content is None else content)
    except InvalidSettingsError as error:
        first, *more = error.problems
        others = "".join(f"; also {one}" for one in more)
        raise CommandError(f"{place}: {first.path}: {first.reason}{others}", remedy=first.remedy) from None


def of_checkout() -> Policy | None:
    """The policy of the checkout; None if it has none.

    Raises:
        CommandError: The file is no policy, or names a stack that the checkout does not have.
    """
    file = repo_dir() / FILE
    if not file.is_file():
        return None
    try:
        found = parsed(file.read_text(encoding="utf-8"), FILE)
    except (OSError, UnicodeDecodeError):
        raise CommandError(
            f"{FILE}: cannot be read as text", remedy="make it a file of YAML that you may read"
        ) from None
    for stack in found.stacks:
        if not (repo_dir() / f"Pulumi.{stack}.yaml").is_file():
            known = sorted(one.name.split(".")[1] for one in Path(repo_dir()).glob("Pulumi.*.yaml"))
            raise CommandError(
                f"{FILE}: stacks.{stack}: the checkout has no Pulumi.{stack}.yaml",
                remedy=f"use one of {', '.join(known)}",
            )
    return found


def listed(text: str) -> tuple[str, ...]:
    """Labels as a code host gives them to a job.

    Args:
        text: A JSON list, or names with commas between them.

    Raises:
        CommandError: The text looks like a JSON list but is none.
    """
    if not text.lstrip().startswith("["):
        return tuple(one.strip() for one in text.split(",") if one.strip())
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise CommandError("--labels: not a JSON list of names", remedy='give it like ["a", "b"], or as a,b')
    return tuple(found)
