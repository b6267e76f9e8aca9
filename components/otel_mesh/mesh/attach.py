"""How a team's stack joins the platform that another stack installed."""

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
    """What a platform stack offers to other stacks.

    Attributes:
        stack: its name.
        mesh: the mesh that workloads join.
        otlp_endpoint: where they send telemetry by OTLP over gRPC.
        service_urls: addresses of the platform's own services, by name.
    """

    stack: str
    mesh: MeshBinding
    otlp_endpoint: str
    service_urls: Mapping[str, str]

    def url(self, service: str) -> str:
        """Where a service of the platform is reached.

        Raises:
            pulumi.RunError: the platform has none of this name.
        """
        if service not in self.service_urls:
            problem = Problem("service_urls", f"there is no '{service}'", nearest(service, self.service_urls))
            raise _refusal(self.stack, [problem])
        return self.service_urls[service]


def attach(stack: str) -> Platform:
    """Reads what a platform stack exports.

    The values are there at once, in a preview too: what a workload gets follows from the mesh's kind. The stack also
    appears as a `pulumi.StackReference`, so that a state tells what it is attached to.

    Args:
        stack: its full name, ``organization/project/stack``; ``organization`` is a word of its own in a file backend.

    Raises:
        pulumi.RunError: there is no such stack, or an output is missing or not what this version of the library reads;
            the message names every output with its reason and remedy, and nothing was registered.
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
            problems.append(Problem(name, "is not what a platform exports", "name the platform's stack"))
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
    told = "; ".join(str(problem) for problem in problems)
    return pulumi.RunError(f"platform stack '{stack}': {told}")
