"""A team's stack: its own service, on the mesh that the platform's stack installed."""

from __future__ import annotations

import pulumi
from pulumi_kubernetes.provider import Provider

from otel_mesh import (
    Caller,
    Microservice,
    MicroserviceArgs,
    MicroserviceSettings,
    Namespace,
    NamespaceArgs,
    NamespaceSettings,
    Service,
    TelemetrySenders,
    TelemetrySendersArgs,
    attach,
)

config = pulumi.Config()
platform = attach(config.require("platform"))
opts = pulumi.ResourceOptions(
    provider=Provider("cluster", context=config.require("context"), enable_config_map_mutable=True)
)

namespace = Namespace(
    "orders", NamespaceArgs(settings=NamespaceSettings(name="orders"), mesh=platform.mesh), opts
).namespace
service = Microservice(
    "order-service",
    MicroserviceArgs(
        namespace=namespace,
        image=config.require("image"),
        otlp_endpoint=platform.otlp_endpoint,
        mesh=platform.mesh,
        settings=MicroserviceSettings(
            service=Service(name="order-service", port=8082, version="1.0.0", calls=("user-service",)),
            service_namespace="orders",
            environment="development",
        ),
        callees={"USER_SERVICE_URL": platform.url("user-service")},
    ),
    opts,
)
sender = Caller(namespace="orders", service_account="order-service")
TelemetrySenders("orders-telemetry", TelemetrySendersArgs(mesh=platform.mesh, senders=(sender,)), opts)
pulumi.export("url", service.url)
