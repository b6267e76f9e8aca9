"""Provider and timeouts of both programs; objects are not awaited."""

from __future__ import annotations

import pulumi
from pulumi_kubernetes.provider import Provider


def options() -> pulumi.ResourceOptions:
    """Provider and timeouts with the settings of the platform's stacks."""
    provider = Provider(
        "cluster",
        context="otel-mesh-local",
        cluster_identifier="otel-mesh-local",
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        kube_client_settings={"qps": 2000, "burst": 4000},
    )
    limit = pulumi.CustomTimeouts(create="120s", update="120s")
    return pulumi.ResourceOptions(provider=provider, custom_timeouts=limit)
