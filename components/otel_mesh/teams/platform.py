"""The platform that a team's stack joins, read from the outputs of the stack that installed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pulumi
from pydantic import BaseModel

from otel_mesh.catalog.model import Catalog
from otel_mesh.core.errors import InvalidSettingsError, Problem, nearest, parse
from otel_mesh.mesh.binding import MeshBinding
from otel_mesh.teams.binding import TeamGrants

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

ModelT = TypeVar("ModelT", bound=BaseModel)

_READ: Final = "pulumi:pulumi:readStackOutputs"
_OUTPUTS: Final[dict[str, type]] = {
    "mesh": dict,
    "otlp_endpoint": str,
    "service_urls": dict,
    "catalog": dict,
    "teams": dict,
}
"""Outputs of a platform's stack that other stacks use, with their types."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """The outputs of a platform stack that other stacks use.

    Attributes:
        stack: Name of the platform stack.
        mesh: Mesh that workloads join.
        otlp_endpoint: URL of the Collector's OTLP receiver (gRPC).
        service_urls: URLs of the platform's own services, by name.
        catalog: Catalog of the platform's own services.
        grants: What the platform grants to teams.
    """

    stack: str
    mesh: MeshBinding
    otlp_endpoint: str
    service_urls: Mapping[str, str]
    catalog: Catalog
    grants: TeamGrants

    @classmethod
    def from_stack(cls, stack: str) -> Self:
        """The platform of a stack.

        The values are known at once, also in a preview, because a workload's manifests depend on them. The stack is
        also registered as a `pulumi.StackReference`, so that the state records the dependency.

        Args:
            stack: Full name of the stack, ``organization/project/stack``; in a file backend the organization is
                literally ``organization``.

        Raises:
            pulumi.RunError: The stack does not exist, or an output is missing or has an unknown form. The message
                names every such output with reason and remedy; nothing is registered.
        """
        try:
            result = pulumi.runtime.invoke(_READ, {"name": stack}).value
        except Exception as error:  # noqa: BLE001 - the SDK has no type of its own for what the engine refuses
            reason = str(error).partition(":")[2].strip() or str(error)
            problem = Problem("", reason.splitlines()[0], "name a stack of this backend: organization/project/stack")
            raise _refusal(stack, [problem]) from None
        platform = cls._of(stack, result["outputs"])
        pulumi.StackReference(stack)
        return platform

    @classmethod
    def _of(cls, stack: str, outputs: Mapping[str, Any]) -> Self:
        problems = [_bad_output(name, name in outputs) for name in _OUTPUTS if not _fits(name, outputs)]
        mesh = _parsed(MeshBinding, outputs, "mesh", problems)
        catalog = _parsed(Catalog, outputs, "catalog", problems)
        grants = _parsed(TeamGrants, outputs, "teams", problems)
        if problems or mesh is None or catalog is None or grants is None:
            raise _refusal(stack, problems)
        return cls(
            stack=stack,
            mesh=mesh,
            otlp_endpoint=outputs["otlp_endpoint"],
            service_urls=outputs["service_urls"],
            catalog=catalog,
            grants=grants,
        )

    def url(self, service: str) -> str:
        """URL of a service of the platform.

        Args:
            service: Name of the service.

        Raises:
            pulumi.RunError: The platform has no service of this name.
        """
        if service not in self.service_urls:
            problem = Problem("service_urls", f"has no '{service}'", nearest(service, self.service_urls))
            raise self.refusal([problem])
        return self.service_urls[service]

    def refusal(self, problems: list[Problem]) -> pulumi.RunError:
        """The error of a program that asks for what the platform does not grant.

        Args:
            problems: All such requests.
        """
        return _refusal(self.stack, problems)


def _fits(name: str, outputs: Mapping[str, Any]) -> bool:
    return isinstance(outputs.get(name), _OUTPUTS[name])


def _bad_output(name: str, found: bool) -> Problem:  # noqa: FBT001 - two messages of one kind
    if found:
        return Problem(name, "does not have the form of a platform's output", "name the platform's stack")
    return Problem(name, "the stack has no such output", "run `pulumi up` on the platform's stack")


def _parsed(model: type[ModelT], outputs: Mapping[str, Any], name: str, problems: list[Problem]) -> ModelT | None:
    if not _fits(name, outputs):
        return None
    try:
        return parse(model, outputs[name], name)
    except InvalidSettingsError as error:
        remedy = "use the otel-mesh version that the platform was deployed with"
        problems += [Problem(problem.path, problem.reason, remedy) for problem in error.problems]
        return None


def _refusal(stack: str, problems: list[Problem]) -> pulumi.RunError:
    text = "; ".join(str(problem) for problem in problems)
    return pulumi.RunError(f"platform stack '{stack}': {text}")
