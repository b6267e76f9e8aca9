"""What stack ``local`` says of its mesh, for those who look at the running environment from outside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

from otel_mesh_cli.stacks import stack_file


@dataclass(frozen=True)
class StackMesh:
    """The mesh of the stack."""

    kind: str
    """``none`` or ``istio``."""
    gateway_namespace: str
    gateway: str
    """Service of the gateway, and ``service.name`` of its spans."""
    namespaces: tuple[str, ...]
    """Namespaces of the mesh's own parts."""
    gateway_tls: bool = False
    """Whether the gateway serves HTTPS as well."""

    @property
    def installed(self) -> bool:
        """Whether there is one."""
        return self.kind != "none"

    @property
    def programs(self) -> tuple[str, ...]:
        """Groups of the toolchain that the environment is made of: a mesh's own take minutes to build."""
        return ("engine", "node", "images", *([self.kind] if self.installed else []))


@cache
def stack_mesh() -> StackMesh:
    """The mesh that the checkout's ``Pulumi.local.yaml`` asks for; names as of the stack's defaults.

    Only what is read here is looked at: all settings are checked by the stack's program.

    Raises:
        CommandError: the file cannot be read, or one of these settings is of another type.
    """
    file = stack_file.require(stack_file.LOCAL)
    mesh = {"mesh": stack_file.settings(stack_file.LOCAL).get("mesh")}
    name = partial(stack_file.value, file, mesh, "mesh", kind=str)
    kind = name("kind", default="none")
    if kind not in ("none", "istio"):
        raise stack_file.wrong(file, "mesh.kind", "'none' or 'istio'")
    namespace = name("gateway_namespace", default="istio-ingress")
    own = (
        name("istio", "namespace", default="istio-system"),
        name("istio", "cni", "namespace", default="istio-cni"),
        namespace,
    )
    return StackMesh(
        kind=kind,
        gateway_namespace=namespace,
        gateway=name("gateway", "name", default="ingress"),
        namespaces=own if kind == "istio" else (),
        gateway_tls=kind != "none" and bool(name("gateway", "tls_secret", default="")),
    )
