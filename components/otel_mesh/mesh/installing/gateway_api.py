"""Custom resource definitions of the Kubernetes Gateway API for a mesh."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Final, Literal

import pulumi
from pydantic import Field

from otel_mesh.core import versions
from otel_mesh.core.values import Settings
from otel_mesh.mesh.installing.chart_objects import Crds, chart_transform

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


class GatewayApi(Settings):
    """Custom resource definitions of the Kubernetes Gateway API (https://gateway-api.sigs.k8s.io), standard channel.

    A mesh watches the objects, ignores kinds whose definition is too old, and installs no definitions itself.

    Attributes:
        definitions: ``install`` the definitions with the mesh, or rely on ``existing`` ones that the cluster's
            provider, another mesh or an administrator installs. Definitions of another release are never overwritten:
            the update stops with a conflict.
        version: Version of the release.
        files: Base URL of upstream's sources or of a mirror, with the files in ``v<version>/config/crd/standard``.
    """

    definitions: Literal["install", "existing"] = "install"
    version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")] = versions.GATEWAY_API
    files: Annotated[str, Field(pattern=r"^https?://[^\s]+[^/\s]$")] = versions.GATEWAY_API_FILES

    @property
    def address(self) -> str:
        """URL of the folder with the definitions."""
        return f"{self.files}/v{self.version}/config/crd/standard"


def definition_files(settings: GatewayApi, charts_dir: str | None) -> list[str]:
    """Paths of the definitions in a folder of charts that has them, else URLs of upstream's files.

    Args:
        settings: Settings of the definitions.
        charts_dir: Folder with one folder per chart; None where the charts come from their repository.
    """
    local = None if charts_dir is None else Path(charts_dir) / FOLDER
    place = str(local) if local is not None and local.is_dir() else settings.address
    return [f"{place}/gateway.networking.k8s.io_{kind}.yaml" for kind in KINDS]


def gateway_api_definitions(  # noqa: PLR0913 - what a mesh knows of them
    name: str,
    settings: GatewayApi,
    charts_dir: str | None,
    timeouts: pulumi.CustomTimeouts,
    opts: pulumi.ResourceOptions,
    *,
    crds: Crds,
) -> list[pulumi.Resource]:
    """Registers the definitions; none where the settings rely on existing ones.

    Args:
        name: Name of the mesh in the stack.
        settings: Settings of the definitions.
        charts_dir: Folder of charts that may hold the definitions.
        timeouts: Timeouts of each object.
        opts: Options of the group of definitions.
        crds: Whether the definitions stay in the cluster when the mesh is removed.
    """
    if settings.definitions == "existing":
        return []
    yaml = importlib.import_module("pulumi_kubernetes.yaml.v2")
    own = pulumi.ResourceOptions(transforms=[chart_transform(crds, timeouts, takes_over=False)])
    files = definition_files(settings, charts_dir)
    return [yaml.ConfigGroup(f"{name}-gateway-api", files=files, opts=pulumi.ResourceOptions.merge(opts, own))]
