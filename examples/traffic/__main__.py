"""Two versions of a service with a canary, faults, limits and retries: the figures of a mesh tutorial."""

import pulumi

import otel_mesh as om

config = pulumi.Config()
platform = om.Platform.from_stack(config.require("platform"))
space = om.NamespaceArgs(settings=om.NamespaceSettings(name="tutorial"), mesh=platform.mesh)
namespace = om.Namespace("tutorial", space).namespace

orders = om.Service(name="orders", port=8080, version="v1", versions={"v2": om.Version(env={"CANARY": "true"})})
args = om.MicroserviceArgs(
    namespace=namespace,
    mesh=platform.mesh,
    image=config.require("image"),
    otlp_endpoint=platform.otlp_endpoint,
    settings=om.MicroserviceSettings(service=orders, service_namespace="tutorial", environment="development"),
)
running = pulumi.ResourceOptions(depends_on=[om.Microservice("orders", args)])

# One policy, hence one object of each kind: with two VirtualServices for one host Istio's behaviour is undefined.
target = om.Target(service="orders", namespace="tutorial", port=8080, version="v1", versions=("v2",))
policy = om.parse(om.TrafficPolicy, config.require_object("policy"), "policy")
om.ServiceTraffic("orders", om.ServiceTrafficArgs(target=target, mesh=platform.mesh, settings=policy), running)
