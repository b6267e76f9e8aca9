"""A team's stack: its own service on the platform that another stack installed, with its route, alert and dashboard."""

from __future__ import annotations

from pathlib import Path

import pulumi
from pulumi_kubernetes.provider import Provider

from otel_mesh import Objectives, Platform, Service, Team

config = pulumi.Config()
platform = Platform.from_stack(config.require("platform"))
opts = pulumi.ResourceOptions(provider=Provider("cluster", context=config.require("context")))

mobile = Team("mobile", platform, opts).service(
    Service(name="mobile-api", port=8080, calls=("user-service", "order-service")),
    image=config.require("image"),
    exposed_at="/mobile",
    strip_prefix=True,
    objectives=Objectives(availability=0.99),
    monitoring=Path(__file__).parent / "monitoring",
)
pulumi.export("url", mobile.url)
