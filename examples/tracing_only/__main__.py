"""A Collector and a Jaeger, for programs that send traces already."""

import pulumi

import otel_mesh as om

settings = om.NamespaceSettings(name="tracing")
namespace = om.Namespace("tracing", om.NamespaceArgs(settings=settings)).namespace
jaeger = om.Jaeger("jaeger", om.JaegerArgs(namespace=namespace))
collector = om.OtelCollector(
    "otel-collector",
    om.OtelCollectorArgs(
        namespace=namespace,
        traces_target=jaeger.otlp_target,
        settings=om.OtelCollectorSettings(traces_only=True),
    ),
)
pulumi.export("otlp", collector.otlp_grpc_url)
pulumi.export("page", jaeger.query_url)
