"""Attaching a team's stack to a platform that another stack installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi

from otel_mesh.core.errors import InvalidSettingsError, Problem, nearest, parse
from otel_mesh.mesh.binding import MeshBinding

if TYPE_CHECKING:
    from collections.abc import Mapping

_READ: Final = "pulumi:pulumi:readStackOutputs"


@dataclass(frozen=True, kw_only=True)
class Platform:
    """The outputs of a platform stack that other stacks use.

    Attributes:
        stack: Name of the platform stack.
        mesh: Mesh that workloads join.
        otlp_endpoint: URL of the Collector's OTLP receiver (gRPC).
        service_urls: URLs of the platform's own services, by name.
    """

    stack: str
    mesh: MeshBinding
    otlp_endpoint: str
    service_urls: Mapping[str, str]

    def url(self, service: str) -> str:
        """URL of a service of the platform.

        Args:
            service: Name of the service.

        Raises:
            pulumi.RunError: The platform has no service of this name.
        """
        if service not in self.service_urls:
            problem = Problem("service_urls", f"has no '{service}'", nearest(service, self.service_urls))
            raise _refusal(self.stack, [problem])
        return self.service_urls[service]


def attach(stack: str) -> Platform:
    """Reads the outputs of a platform stack.

    The values are known at once, also in a preview, because a workload's manifests depend on them. The stack is also
    registered as a `pulumi.StackReference`, so that the state records the dependency.

    Args:
        stack: Full name of the stack, ``organization/project/stack``; in a file backend the organization is literally
            ``organization``.

    Raises:
        pulumi.RunError: The stack does not exist, or an output is missing or has an unknown form. The message names
            every such output with reason and remedy; nothing is registered.
    """
    try:
        result = pulumi.runtime.invoke(_READ, {"name": stack}).value
    except Exception as error:  # noqa: BLE001 - the SDK has no type of its own for what the engine refuses
        reason = str(error).partition(":")[2].strip() or str(error)
        problem = Problem("", reason.splitlines()[0], "name a stack of this backend: organization/project/stack")
        raise _refusal(stack, [problem]) from None
    platform = _platform(stack, result["outputs"])
    pulumi.StackReference(stack)
    return platform


def _platform(stack: str, outputs: Mapping[str, Any]) -> Platform:
    problems = []
    for name, kind in (("mesh", dict), ("otlp_endpoint", str), ("service_urls", dict)):
        if name not in outputs:
            problems.append(Problem(name, "the stack has no such output", "run `pulumi up` on the platform's stack"))
        elif not isinstance(outputs[name], kind):
            problems.append(Problem(name, "does not have the form of a platform's output", "name the platform's stack"))
    mesh = None
    if isinstance(outputs.get("mesh"), dict):
        try:
            mesh = parse(MeshBinding, outputs["mesh"], "mesh")
        except InvalidSettingsError as error:
            remedy = "use the otel-mesh version that the platform was deployed with"
            problems += [Problem(problem.path, problem.reason, remedy) for problem in error.problems]
    if problems or mesh is None:
        raise _refusal(stack, problems)
    return Platform(
        stack=stack, mesh=mesh, otlp_endpoint=outputs["otlp_endpoint"], service_urls=outputs["service_urls"]
    )


def _refusal(stack: str, problems: list[Problem]) -> pulumi.RunError:
    text = "; ".join(str(problem) for problem in problems)
    return pulumi.RunError(f"platform stack '{stack}': {text}")
