"""The definitions of the Kubernetes Gateway API that Istio wants."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pulumi

from otel_mesh.istio.chart_objects import chart_transform

if TYPE_CHECKING:
    from otel_mesh.istio.settings import IstioSettings

GATEWAY_API_FILE: Final = "gateway-api/standard-install.yaml"
"""The Gateway API's definitions in a folder of charts."""


def gateway_api_file(settings: IstioSettings, charts_dir: str | None) -> str:
    """Where the Gateway API's definitions come from: a file of the folder of charts, or the address of upstream's."""
    if charts_dir is not None and (file := Path(charts_dir) / GATEWAY_API_FILE).is_file():
        return str(file)
    return settings.gateway_api.url


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
    file = gateway_api_file(settings, charts_dir)
    return [yaml.ConfigFile(f"{name}-gateway-api", file=file, opts=pulumi.ResourceOptions.merge(opts, own))]
