"""Canary and A/B test: versions of a service that get a part of its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import LabelValue, Settings
from otel_mesh.mesh.policies.gate import Gate
from otel_mesh.mesh.policies.matching import HeaderMatch, HeaderName, HeaderValue, marker_problems

if TYPE_CHECKING:
    from typing import Self

Weight = Annotated[int, Field(ge=0, le=100)]
"""A share of the requests in whole percent."""

_WHOLE = 100


class Canary(Settings):
    """A version that gets the requests with a header and a share of all others.

    With ``stages`` the weight moves through reviewed steps: ``otel-mesh canary advance`` reads the gate and writes the
    next stage into the stack's file.

    Attributes:
        version: Value of the ``version`` label of the canary's pods.
        header: Header of the requests that always go to the canary; None for none.
        weight: Share of the other requests in percent; with stages, one of them, or 0 after a rollback.
        stages: Weights that the canary goes through, ascending; empty for a weight that is set by hand.
        gate: Conditions for the next stage.
    """

    version: LabelValue
    header: HeaderMatch | None = HeaderMatch(name="x-canary")
    weight: Weight = 0
    stages: tuple[Weight, ...] = ()
    gate: Gate = Gate()

    @model_validator(mode="after")
    def _weight_is_a_stage(self) -> Self:
        problems = []
        if list(self.stages) != sorted(set(self.stages)) or 0 in self.stages:
            problems.append(Problem("stages", "do not ascend from above 0", "write them like [1, 5, 25, 100]"))
        elif self.stages and self.weight not in {0, *self.stages}:
            known = ", ".join(str(one) for one in (0, *self.stages))
            problems.append(Problem("weight", f"{self.weight} is not a stage", f"set it to one of {known}"))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    @property
    def next_stage(self) -> int | None:
        """The stage after the present one; None after the last, and without stages."""
        return next((one for one in self.stages if one > self.weight), None)


class Group(Settings):
    """A group of an A/B test.

    Attributes:
        version: Value of the ``version`` label of the pods that serve the group.
        weight: Share of the requests without the header, in percent.
    """

    version: LabelValue
    weight: Weight


class ABTest(Settings):
    """Versions that are compared: a request's header names its group, other requests get one by weight.

    The mesh sets the header, so that the services behind see the group of every request.

    Attributes:
        header: Header that names the group.
        groups: Groups by name; their weights sum up to 100.
    """

    header: HeaderName = "x-ab-group"
    groups: dict[HeaderValue, Group] = Field(min_length=2)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        problems = list(marker_problems("header", self.header))
        total = sum(one.weight for one in self.groups.values())
        if total != _WHOLE:
            problems.append(Problem("groups", f"their weights sum up to {total}", f"make them sum up to {_WHOLE}"))
        if problems:
            raise InvalidSettingsError(problems)
        return self
