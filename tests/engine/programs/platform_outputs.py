"""The outputs of a platform with a mesh, without its resources."""

import pulumi

from otel_mesh import MeshBinding

MESH = MeshBinding(
    kind="istio",
    version="1.31.0",
    trust_domain="cluster.local",
    namespace_labels={"istio.io/rev": "stable"},
    pod_labels={"example.com/mesh": "yes"},
)

pulumi.export("mesh", MESH.model_dump(mode="json"))
pulumi.export("otlp_endpoint", "http://otel-collector.observability.svc.cluster.local:4317")
pulumi.export("service_urls", {"user-service": "http://user-service.shop.svc.cluster.local:8081"})
