"""A mesh, where its telemetry goes, and one service in it."""

import pulumi

import otel_mesh as om

tracing = om.Tracing(service="otel-collector.books.svc.cluster.local")
istio = om.Istio("istio", om.IstioArgs(tracing=tracing, environment="development"))
mesh, opts = istio.binding, pulumi.ResourceOptions(depends_on=[istio])

books = om.NamespaceArgs(settings=om.NamespaceSettings(name="books"), mesh=mesh)
namespace = om.Namespace("books", books, opts).namespace
jaeger = om.Jaeger("jaeger", om.JaegerArgs(namespace=namespace, mesh=mesh), opts)
prometheus = om.Prometheus("prometheus", om.PrometheusArgs(namespace=namespace, mesh=mesh), opts)
stores = om.OtelCollectorArgs(
    namespace=namespace, mesh=mesh, traces_target=jaeger.otlp_target, metrics_url=prometheus.otlp_url
)
collector = om.OtelCollector("otel-collector", stores, opts)

service = om.MicroserviceArgs(
    namespace=namespace,
    mesh=mesh,
    image="registry.example.com/catalog:1.0.0",
    otlp_endpoint=collector.otlp_grpc_url,
    settings=om.MicroserviceSettings(
        service=om.Service(name="catalog", port=8080), service_namespace="books", environment="development"
    ),
)
pulumi.export("url", om.Microservice("catalog", service, opts).url)
