"""An image that knows none of our conventions, in the mesh that another stack installed."""

import pulumi

import otel_mesh as om

config = pulumi.Config()
platform = om.Platform.from_stack(config.require("platform"))
settings = om.NamespaceSettings(name="pages")
namespace = om.Namespace("pages", om.NamespaceArgs(settings=settings, mesh=platform.mesh)).namespace

pages = om.MicroserviceArgs(
    namespace=namespace,
    mesh=platform.mesh,
    image=config.require("image"),
    settings=om.MicroserviceSettings(
        service=om.Service(name="pages", port=8080),
        service_namespace=platform.catalog.name,
        environment=platform.grants.environment,
        uid=101,  # the image's own user; its files are read-only, but for /tmp
        health=om.HealthChecks(live=om.HealthCheck(path="/"), ready=om.HealthCheck(path="/")),
    ),
)
pulumi.export("url", om.Microservice("pages", pages).url)
