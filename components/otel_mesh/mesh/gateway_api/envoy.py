"""Envoy Gateway's own objects: its proxies in the mesh, their spans, and the removal of untrusted headers.

They are made for Envoy Gateway with its proxies in the namespace of the Gateway object (deploy type GatewayNamespace),
where the mesh, Pod Security and NetworkPolicies apply to them as to every workload of the platform.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from otel_mesh.core.labels import Label
from otel_mesh.mesh.gateway_api.kinds import CLIENT_TRAFFIC, ENVOY_PROXY, GATEWAY, GATEWAY_API, GATEWAY_CLASS
from otel_mesh.mesh.gateway_api.routes import edge_metadata
from otel_mesh.mesh.policies.edge_headers import CONTEXT_HEADERS, IDENTITY_HEADERS, STRIPPED_HEADERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.binding import MeshBinding
    from otel_mesh.mesh.gateway_api.envoy_types import (
        EnvoyProxySpec,
        KubernetesProvider,
        NameMatch,
        ProxyPods,
        ProxyTracing,
    )
    from otel_mesh.mesh.policies.ingress import IngressGatewaySettings
    from otel_mesh.mesh.tracing import Tracing

_CONTROLLER: Final = "gateway.envoyproxy.io/gatewayclass-controller"
_POD_UID: Final = "OTEL_MESH_POD_UID"
"""Environment variable of the proxies with the pod's UID."""
_SERVICE_NAME: Final = "resource.opentelemetry.io/service.name"
"""Annotation of pods with the ``service.name`` of their telemetry."""
_DRAIN_PORT: Final = 19002
"""Port that the kubelet calls before it stops a pod, so that requests finish; the mesh's proxy would refuse it."""
_FAMILIES: Final = ("x-envoy-", "l5d-", "x-b3-")
"""Beginnings of the names of headers that are removed as a whole."""
_PARTS: Final = 100_000


def gateway_class(name: str) -> Manifest:
    """The GatewayClass of Envoy Gateway.

    Args:
        name: Name of the object.
    """
    return GATEWAY_CLASS.manifest(edge_metadata(name, None), {"controllerName": _CONTROLLER})


def envoy_proxy(  # noqa: PLR0913 - what pods and spans depend on
    settings: IngressGatewaySettings,
    namespace: pulumi.Input[str],
    mesh: MeshBinding,
    *,
    tracing: Tracing,
    environment: str,
    pod_ports: Sequence[int],
) -> Manifest:
    """The EnvoyProxy object: pods in the mesh, whose routes lead to Services, so that the mesh balances the requests.

    Args:
        settings: Settings of the gateway.
        namespace: Namespace of the gateway.
        mesh: Mesh of the pods.
        tracing: Sampling and attributes of the spans, and the Collector that receives them. Envoy makes spans if the
            mesh's proxies do.
        environment: ``deployment.environment.name`` of the spans.
        pod_ports: Ports of the pods that accept requests from outside. They bypass the mesh's proxy, which would refuse
            clients without an identity.
    """
    provider: KubernetesProvider = {
        "envoyServiceAccount": {"name": settings.name},
        "envoyDeployment": {
            "name": settings.name,
            "replicas": settings.replicas,
            "pod": _pods(settings, mesh, pod_ports),
            "container": {
                "resources": cast("Any", settings.resources.manifest()),
                "env": [{"name": _POD_UID, "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}],
            },
        },
        "envoyService": {"name": settings.name, "type": settings.service_type},
    }
    if settings.replicas > 1:
        provider["envoyPDB"] = {"maxUnavailable": settings.scheduling.max_unavailable}
    spec: EnvoyProxySpec = {
        # what is not said here, such as the image, is as the installation of Envoy Gateway says
        "mergeType": "StrategicMerge",
        "provider": {"type": "Kubernetes", "kubernetes": provider},
        "routingType": "Service",
    }
    if mesh.proxy_spans:
        resource: dict[str, pulumi.Input[str]] = {
            **mesh.resource_attributes,
            "deployment.environment.name": environment,
            "service.namespace": namespace,  # as of the mesh's own proxies
        }
        spec["telemetry"] = {"tracing": _tracing(settings, tracing, resource)}
    return ENVOY_PROXY.manifest(edge_metadata(settings.name, namespace), spec)


def untrusted_headers(settings: IngressGatewaySettings, namespace: pulumi.Input[str]) -> Manifest:
    """Removes headers that clients must not set, before Envoy evaluates a request.

    Args:
        settings: Settings of the gateway.
        namespace: Namespace of the gateway.
    """
    restart = settings.outside_context == "restart"
    families = [one for one in _FAMILIES if restart or one != "x-b3-"]
    removed = (*STRIPPED_HEADERS, *(CONTEXT_HEADERS if restart else ()))
    matches: list[NameMatch] = [{"type": "Prefix", "value": one} for one in families]
    single = [name for name in removed if name in IDENTITY_HEADERS or not name.startswith(tuple(families))]
    return CLIENT_TRAFFIC.manifest(
        edge_metadata(settings.name, namespace),
        {
            "targetRefs": [{"group": GATEWAY_API, "kind": GATEWAY.name, "name": settings.name}],
            "headers": {"earlyRequestHeaders": {"remove": single, "removeOnMatch": matches}},
        },
    )


def _pods(settings: IngressGatewaySettings, mesh: MeshBinding, pod_ports: Sequence[int]) -> ProxyPods:
    selected = {Label.INSTANCE.value: settings.name}
    made: dict[str, Any] = {
        "labels": {**selected, Label.APP.value: settings.name, **mesh.labels_of_pods(meshed=True)},
        "annotations": {
            _SERVICE_NAME: settings.name,  # for the mesh's own proxy: it would take Envoy Gateway's label
            **mesh.namespace_annotations,
            **mesh.annotations_bypassing([*pod_ports, _DRAIN_PORT]),
        },
        "topologySpreadConstraints": settings.scheduling.spread(selected),
        **settings.scheduling.pod_fields(),
    }
    return cast("ProxyPods", made)


def _tracing(
    settings: IngressGatewaySettings, tracing: Tracing, resource: dict[str, pulumi.Input[str]]
) -> ProxyTracing:
    service, namespace = tracing.service.split(".")[:2]
    made: ProxyTracing = {
        "samplingFraction": {"numerator": round(tracing.ingress_percentage * _PARTS / 100), "denominator": _PARTS},
        "provider": {
            "type": "OpenTelemetry",
            "serviceName": settings.name,
            "backendRefs": [
                {"group": "", "kind": "Service", "name": service, "namespace": namespace, "port": tracing.port}
            ],
            "openTelemetry": {"resourceAttributes": resource},
        },
        "tags": {
            # the Collector moves it to the resource, whose attributes are fixed here
            "k8s.pod.uid": f"%ENVIRONMENT({_POD_UID})%",
            **{key: value.replace("%", "%%") for key, value in tracing.tags.items()},
        },
    }
    if tracing.header_tags:  # `tags` would have a value without the header too
        made["customTags"] = {
            key: {"type": "RequestHeader", "requestHeader": {"name": header}}
            for key, header in tracing.header_tags.items()
        }
    return made
