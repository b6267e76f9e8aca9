"""One component for each option that must apply to its child objects."""

from __future__ import annotations

import os

import pulumi

from otel_mesh import (
    Jaeger,
    JaegerArgs,
    JaegerSettings,
    Microservice,
    MicroserviceArgs,
    MicroserviceSettings,
    Namespace,
    NamespaceArgs,
    NamespaceSettings,
    Service,
)
from tests.engine.programs.cluster import annotated, provider, wait_for_nothing

NAMESPACE = "options"


class Group(pulumi.ComponentResource):
    """A user's component that contains one of ours."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("test:index:Group", name, None, opts)
        self.register_outputs({})


wait_for_nothing()
cluster, other = provider(), provider("other")
namespace = Namespace(
    NAMESPACE,
    NamespaceArgs(settings=NamespaceSettings(name=NAMESPACE)),
    pulumi.ResourceOptions(provider=cluster),
).namespace


def jaeger(name: str, opts: pulumi.ResourceOptions) -> Jaeger:
    """A component with a ConfigMap, a Deployment, a Service and a ServiceAccount."""
    return Jaeger(name, JaegerArgs(namespace=namespace, settings=JaegerSettings(name=name)), opts)


plain = jaeger("plain", pulumi.ResourceOptions(provider=cluster))
jaeger("provider", pulumi.ResourceOptions(provider=other))
jaeger("providers", pulumi.ResourceOptions(providers=[other]))
jaeger("providers-by-name", pulumi.ResourceOptions(providers={"kubernetes": other}))
jaeger("transforms", pulumi.ResourceOptions(provider=cluster, transforms=[annotated("test/transform", "seen")]))
jaeger(
    "timeouts",
    pulumi.ResourceOptions(provider=cluster, custom_timeouts=pulumi.CustomTimeouts(create="33s", delete="44s")),
)
jaeger("protect", pulumi.ResourceOptions(provider=cluster, protect=os.environ.get("UNPROTECTED") is None))
jaeger("retain", pulumi.ResourceOptions(provider=cluster, retain_on_delete=True))
jaeger("depends", pulumi.ResourceOptions(provider=cluster, depends_on=[plain]))
group = Group("group", pulumi.ResourceOptions(providers=[other], transforms=[annotated("test/group", "seen")]))
jaeger("grouped", pulumi.ResourceOptions(parent=group))
Microservice(
    "ignore",
    MicroserviceArgs(
        namespace=namespace,
        image="example.invalid/ignore:1",
        otlp_endpoint="http://otel-collector.observability.svc.cluster.local:4317",
        settings=MicroserviceSettings(
            service=Service(name="ignore", port=8080),
            service_namespace="shop",
            environment="test",
            replicas=int(os.environ.get("REPLICAS", "2")),
        ),
    ),
    pulumi.ResourceOptions(provider=cluster, ignore_changes=["spec.replicas"]),
)
