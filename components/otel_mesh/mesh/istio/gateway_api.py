"""Custom resource definitions of the Kubernetes Gateway API for Istio."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pulumi

from otel_mesh.mesh.istio.chart_objects import chart_transform

if TYPE_CHECKING:
    from otel_mesh.mesh.istio.settings import IstioSettings

FOLDER: Final = "gateway-api"
"""Subfolder of a folder of charts that holds the definitions."""

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
"""Kinds of the standard channel. Upstream's admission policy against older releases is left to the administrator of the
cluster, since it applies to the whole cluster."""


def definition_files(settings: IstioSettings, charts_dir: str | None) -> list[str]:
    """Paths of the definitions in a folder of charts that has them, else URLs of upstream's files.

    Args:
        settings: Settings of the mesh.
        charts_dir: Folder with one folder per chart; None where the charts come from their repository.
    """
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
    """Registers the definitions; none where the settings rely on existing ones.

    Args:
        name: Name of the mesh in the stack.
        settings: Settings of the mesh.
        charts_dir: Folder of charts that may hold the definitions.
        timeouts: Timeouts of each object.
        opts: Options of the group of definitions.
    """
    if settings.gateway_api.definitions == "existing":
        return []
    yaml = importlib.import_module("pulumi_kubernetes.yaml.v2")
    own = pulumi.ResourceOptions(transforms=[chart_transform(settings, timeouts, takes_over=False)])
    files = definition_files(settings, charts_dir)
    return [yaml.ConfigGroup(f"{name}-gateway-api", files=files, opts=pulumi.ResourceOptions.merge(opts, own))]
