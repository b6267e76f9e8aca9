"""Each service as a `Microservice` component."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bench.programs.cluster import options
from bench.programs.fleet import fleet, unwaited
from otel_mesh import Microservice
from otel_mesh.k8s import component
from otel_mesh.k8s.manifests import Manifest, resource

if TYPE_CHECKING:
    import pulumi


def unwaited_resource(name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """Registers the same objects as the flat program, annotations included."""
    return resource(name, unwaited(manifest), opts)


component.resource = unwaited_resource  # type: ignore[attr-defined]
opts = options()
for args in fleet(int(os.environ["BENCH_SERVICES"]), os.environ["BENCH_NAMESPACE"]):
    Microservice(args.settings.service.name, args, opts)
