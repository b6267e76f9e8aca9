"""The Gateway API definitions of a mesh, without the mesh."""

from __future__ import annotations

import os

import pulumi

from otel_mesh import IstioSettings
from otel_mesh.mesh.installing.gateway_api import gateway_api_definitions
from tests.engine.programs.cluster import provider

settings = IstioSettings.model_validate({"crds": os.environ.get("CRDS", "keep")})
gateway_api_definitions(
    "mesh",
    settings.gateway_api,
    os.environ["CHARTS_DIR"],
    pulumi.CustomTimeouts(create="60s"),
    pulumi.ResourceOptions(provider=provider()),
    crds=settings.crds,
)
