"""A platform from a catalog: mesh, gateway, telemetry, and services that may call each other as declared."""

import pulumi

import otel_mesh as om

shop = om.Service(name="shop", port=8080, calls=("stock",), exposed=True)
catalog = om.Catalog(name="books", services=(shop, om.Service(name="stock", port=8081)))
tracing = om.Tracing(service=om.service_host("otel-collector", "telemetry"))
gateway = om.IngressGatewaySettings().binding("entrance")
istio = om.Istio("istio", om.IstioArgs(tracing=tracing, environment="development", gateway=gateway))
mesh, opts = istio.binding, pulumi.ResourceOptions(depends_on=[istio])

settings = (om.NamespaceSettings(name=name) for name in ("telemetry", "books", "entrance"))
spaces = [om.Namespace(one.name, om.NamespaceArgs(settings=one, mesh=mesh), opts) for one in settings]
telemetry, books, entrance = (one.namespace for one in spaces)
jaeger = om.Jaeger("jaeger", om.JaegerArgs(namespace=telemetry), opts)
prometheus = om.Prometheus("prometheus", om.PrometheusArgs(namespace=telemetry, mesh=mesh), opts)
traces, metrics = jaeger.otlp_target, prometheus.otlp_url
receiver = om.OtelCollectorArgs(namespace=telemetry, mesh=mesh, traces_target=traces, metrics_url=metrics)
otlp = om.OtelCollector("otel-collector", receiver, opts).otlp_grpc_url

for one in catalog.services:
    common = om.MicroserviceSettings(service=one, service_namespace="books", environment="development")
    image, urls = f"registry.example.com/{one.name}:1.0.0", om.callee_environment(catalog, one.name, "books")
    args = om.MicroserviceArgs(
        namespace=books, mesh=mesh, image=image, otlp_endpoint=otlp, settings=common, callees={**urls}
    )
    om.Microservice(one.name, args, opts)

callers = {"shop": [om.Caller(namespace="entrance", service_account=gateway.service_account)]}
access = om.AccessControlArgs(namespace=books, accesses=om.declared_access(catalog, "books", callers), mesh=mesh)
om.AccessControl("access", access, opts)
routes = (om.Route(host=om.service_host("shop", "books"), port=shop.port),)
edge = om.IngressGatewayArgs(namespace=entrance, mesh=mesh, routes=routes, tracing=tracing)
pulumi.export("url", om.IngressGateway("gateway", edge, opts).url)
