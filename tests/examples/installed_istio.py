"""In place of `otel_mesh.Istio`: charts are rendered by the engine, from a repository in the network."""

from __future__ import annotations

from typing import ClassVar

import pulumi

import otel_mesh as om
from otel_mesh.mesh.istio.binding import istio_binding


class InstalledIstio(pulumi.ComponentResource):
    """An Istio that is there already."""

    args: ClassVar[list[om.IstioArgs]] = []

    def __init__(self, name: str, args: om.IstioArgs) -> None:
        super().__init__("otel-mesh:index:Istio", name)
        self.binding = istio_binding(om.IstioSettings(), gateway=args.gateway)
        self.args[:] = [args]
