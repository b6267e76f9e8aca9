"""The traffic of one service, by the policy in the environment."""

from __future__ import annotations

import os

import pulumi

from otel_mesh import (
    IstioSettings,
    Namespace,
    NamespaceArgs,
    NamespaceSettings,
    ServiceTraffic,
    ServiceTrafficArgs,
    Target,
    TrafficPolicy,
)
from otel_mesh.mesh.istio.binding import istio_binding
from tests.engine.programs.cluster import provider, wait_for_nothing

NAMESPACE = "traffic"
wait_for_nothing()
opts = pulumi.ResourceOptions(provider=provider())
namespace = Namespace(NAMESPACE, NamespaceArgs(settings=NamespaceSettings(name=NAMESPACE)), opts)
target = Target(service="orders", namespace=NAMESPACE, port=8080, version="v1", versions=("v2",))
policy = TrafficPolicy.model_validate_json(os.environ["POLICY"])
args = ServiceTrafficArgs(target=target, mesh=istio_binding(IstioSettings()), settings=policy)
ServiceTraffic("orders", args, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[namespace])))
