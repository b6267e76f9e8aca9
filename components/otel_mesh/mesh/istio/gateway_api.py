"""The definitions of the Kubernetes Gateway API that Istio wants."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pulumi

from otel_mesh.mesh.istio.chart_objects import chart_transform

if TYPE_CHECKING:
    from otel_mesh.mesh.istio.settings import IstioSettings

FOLDER: Final = "gateway-api"
"""Name of the folder with the definitions in a folder of charts."""

KINDS: Final = (
    "backendtlspolicies",
    "gatewayclasses",
    "gateways",
    "grpcroutes",
    "httproutes",
    "listenersets",
    "referencegrants",
    "tcproutes",
    "tlsroutes",
    "udproutes",
)
"""What the standard channel defines. Upstream's admission policy, which keeps older releases away, is not taken along:
it is for the whole cluster, whose administrator may have one."""


def definition_files(settings: IstioSettings, charts_dir: str | None) -> list[str]:
    """Where the definitions come from: files of the folder of charts that has some, or addresses of upstream's."""
    local = None if charts_dir is None else Path(charts_dir) / FOLDER
    place = str(local) if local is not None and local.is_dir() else settings.gateway_api.address
    return [f"{place}/gateway.networking.k8s.io_{kind}.yaml" for kind in KINDS]


def gateway_api_definitions(
    name: str,
    settings: IstioSettings,
    charts_dir: str | None,
    timeouts: pulumi.CustomTimeouts,
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Registers the definitions; none where the cluster has its own.

    Args:
        name: of the mesh in the stack.
        settings: of the mesh.
        charts_dir: folder of charts that may hold them.
        timeouts: of each object.
        opts: of what holds them together.
    """
    if settings.gateway_api.definitions == "existing":
        return []
    yaml = importlib.import_module("pulumi_kubernetes.yaml.v2")
    own = pulumi.ResourceOptions(transforms=[chart_transform(settings, timeouts, takes_over=False)])
    files = definition_files(settings, charts_dir)
    return [yaml.ConfigGroup(f"{name}-gateway-api", files=files, opts=pulumi.ResourceOptions.merge(opts, own))]
