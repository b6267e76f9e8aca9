"""A service whose number of pods an autoscaler decides."""

from __future__ import annotations

import os

import pulumi

from otel_mesh import (
    Autoscaling,
    Microservice,
    MicroserviceArgs,
    MicroserviceSettings,
    Namespace,
    NamespaceArgs,
    NamespaceSettings,
    Service,
)
from tests.engine.programs.cluster import provider, wait_for_nothing

wait_for_nothing()
opts = pulumi.ResourceOptions(provider=provider())
namespace = Namespace("autoscaled", NamespaceArgs(settings=NamespaceSettings(name="autoscaled")), opts).namespace
settings = MicroserviceSettings(
    service=Service(name="web", port=8080, version=os.environ.get("VERSION", "1.0.0")),
    service_namespace="shop",
    environment="test",
    autoscaling=Autoscaling(min=2, max=6, cpu_percent=70),
)
Microservice("web", MicroserviceArgs(namespace=namespace, image="example.invalid/web:1", settings=settings), opts)
