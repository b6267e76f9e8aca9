"""The mesh of stack ``local``, read from its file without importing the stack's settings: `otel-mesh env` needs it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

from otel_mesh_cli.stacks import stack_file


@dataclass(frozen=True)
class StackMesh:
    """The mesh of a stack."""

    kind: str
    """``none``, ``istio`` or ``linkerd``."""
    gateway: bool = False
    """Whether requests from outside enter by a gateway of the stack's own."""
    gateway_tls: bool = False
    """Whether the gateway also serves HTTPS."""

    @property
    def installed(self) -> bool:
        """Whether the stack has a mesh."""
        return self.kind != "none"

    @property
    def programs(self) -> tuple[str, ...]:
        """Groups of the toolchain that the environment needs; Istio's own takes minutes to build.

        Linkerd is not built here: its images are loaded (`otel-mesh node images load`).
        """
        return ("engine", "node", "images", *(["istio"] if self.kind == "istio" else []))


@cache
def stack_mesh() -> StackMesh:
    """The mesh in the checkout's ``Pulumi.local.yaml``.

    Only the settings read here are checked: the stack's program checks all of them.

    Raises:
        CommandError: The file cannot be read, or one of these settings has the wrong type.
    """
    file = stack_file.require(stack_file.LOCAL)
    mesh = {"mesh": stack_file.settings(stack_file.LOCAL).get("mesh")}
    name = partial(stack_file.value, file, mesh, "mesh", kind=str)
    kind = name("kind", default="none")
    if kind not in ("none", "istio", "linkerd"):
        raise stack_file.wrong(file, "mesh.kind", "'none', 'istio' or 'linkerd'")
    served = kind == "linkerd" and (mesh["mesh"] or {}).get("gateway_api") is not None
    gateway = kind == "istio" or served
    return StackMesh(kind, gateway, gateway_tls=gateway and bool(name("gateway", "tls_secret", default="")))
