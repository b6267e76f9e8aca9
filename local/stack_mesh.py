"""What stack ``local`` says of its mesh, for those who look at the running environment from outside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from local.paths import repo_dir

_CONFIG, _SETTINGS = "config", "otel-mesh:settings"


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
    """The mesh that the checkout's ``Pulumi.local.yaml`` asks for; names as of the stack's defaults."""
    content = yaml.safe_load((repo_dir() / "Pulumi.local.yaml").read_text())
    mesh: dict[str, Any] = content[_CONFIG][_SETTINGS].get("mesh") or {}
    istio, namespace = mesh.get("istio") or {}, mesh.get("gateway_namespace", "istio-ingress")
    gateway, kind = mesh.get("gateway") or {}, mesh.get("kind", "none")
    own = (istio.get("namespace", "istio-system"), (istio.get("cni") or {}).get("namespace", "istio-cni"), namespace)
    return StackMesh(
        kind=kind,
        gateway_namespace=namespace,
        gateway=gateway.get("name", "ingress"),
        namespaces=own if kind == "istio" else (),
        gateway_tls=kind != "none" and "tls_secret" in gateway,
    )
