"""Values of Istio's charts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.network import CLUSTER_DOMAIN
from otel_mesh.mesh.istio.settings import TRACING_PROVIDER

if TYPE_CHECKING:
    from otel_mesh.k8s.scheduling import Scheduling
    from otel_mesh.mesh.istio.settings import IstioSettings
    from otel_mesh.mesh.tracing import Tracing

CHARTS: Final = ("base", "cni", "istiod")
"""Names of the charts in upstream's repository, in the order of installation."""

_SECCOMP: Final = {"type": "RuntimeDefault"}

_NO_READER: Final = {"enableReaderRBAC": False}
"""Leaves out the account that may read all Secrets; only the istiods of other clusters would use it."""

_ACCESS_LOG: Final = {
    "start_time": "%START_TIME%",
    "trace_id": "%TRACE_ID%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "method": "%REQ(:METHOD)%",
    # without the query, which may hold personal data
    "path": "%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "authority": "%REQ(:AUTHORITY)%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "duration_ms": "%DURATION%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "peer": "%DOWNSTREAM_PEER_URI_SAN%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_host": "%UPSTREAM_HOST%",
}
"""Fields of an access log line (https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log)."""

_RETRIES: Final = {"attempts": 2, "retryOn": "connect-failure,refused-stream"}
"""Default retries: only of requests that cannot have reached an application.

Istio's own default (pilot/pkg/networking/core/route/retry) also retries after 503 and gRPC's UNAVAILABLE and CANCELLED
for every method: an order whose response got lost would be placed twice.
"""


_SPANS_WAIT_MS: Final = "1000"
"""Flush interval of the proxies' spans in milliseconds; Envoy's default is 5 s. Unsent spans are lost when a proxy
stops."""


def proxy_resource_attributes(version: str, environment: str) -> str:
    """OTEL_RESOURCE_ATTRIBUTES of the proxies, with the attribute names that services use.

    Kubernetes expands ``$(...)`` from variables that the injected container defines before this one. From the pod's
    address the Collector finds the other Kubernetes attributes.

    Args:
        version: Version of the mesh.
        environment: Value of ``deployment.environment.name``.
    """
    attributes = {
        "k8s.pod.ip": "$(INSTANCE_IP)",
        "k8s.pod.name": "$(POD_NAME)",
        "k8s.namespace.name": "$(POD_NAMESPACE)",
        "service.namespace": "$(POD_NAMESPACE)",
        "service.mesh": "istio",
        "service.mesh.version": version,
        "deployment.environment.name": environment,
    }
    return ",".join(f"{key}={value}" for key, value in attributes.items())


def mesh_config(settings: IstioSettings, tracing: Tracing, environment: str) -> dict[str, Any]:
    """Istio's MeshConfig (https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/)."""
    proxy: dict[str, Any] = {
        # service.name of a proxy's spans is the name of its service
        "tracingServiceName": "CANONICAL_NAME_ONLY",
        "proxyMetadata": {
            "OTEL_RESOURCE_ATTRIBUTES": proxy_resource_attributes(settings.version, environment),
            "SECRET_TTL": settings.proxy.certificate_lifetime,
        },
        "runtimeValues": {"tracing.opentelemetry.flush_interval_ms": _SPANS_WAIT_MS},
        # only the agent in the same container reads Envoy's statistics: compression would be wasted
        "statsCompression": False,
    }
    if settings.proxy.envoy_metrics:
        proxy["proxyStatsMatcher"] = {"inclusionRegexps": list(settings.proxy.envoy_metrics)}
    config: dict[str, Any] = {
        "trustDomain": settings.trust_domain,
        "enableTracing": True,
        "outboundTrafficPolicy": {"mode": settings.outbound.upper().replace("-", "_")},
        "defaultHttpRetryPolicy": dict(_RETRIES),
        "extensionProviders": [
            {
                "name": TRACING_PROVIDER,
                "opentelemetry": {
                    "service": tracing.service,
                    "port": tracing.port,
                    "resource_detectors": {"environment": {}},
                },
            }
        ],
        "defaultConfig": proxy,
    }
    if settings.access_logs:
        config |= {
            "accessLogFile": "/dev/stdout",
            "accessLogEncoding": "JSON",
            "accessLogFormat": json.dumps(_ACCESS_LOG),
        }
    return config


def base_values(settings: IstioSettings) -> dict[str, Any]:
    """Values of chart ``base``: the CustomResourceDefinitions and the validation of their objects."""
    return {
        "global": {"istioNamespace": settings.namespace, **_NO_READER},
        "defaultRevision": settings.revision or "default",
    }


def cni_values(settings: IstioSettings) -> dict[str, Any]:
    """Values of chart ``cni``."""
    cni = settings.cni
    in_place = cni.repair == "pods-in-place"
    values: dict[str, Any] = {
        "cniBinDir": cni.bin_dir,
        "cniConfDir": cni.conf_dir,
        "cniConfFileName": cni.conf_file,
        "chained": True,
        # pods of the mesh and of the node have to start without the plugin's agent
        "excludeNamespaces": ["kube-system", settings.namespace, cni.namespace],
        "seccompProfile": _SECCOMP,
        # only Kubernetes before 1.30 needs the annotation; later API servers warn about it
        "useAppArmorAnnotation": False,
        "repair": {"enabled": True, "repairPods": in_place, "deletePods": not in_place},
        "resources": cni.resources.manifest(),
    }
    if cni.image:
        values["image"] = cni.image
    if secrets := settings.control_plane.scheduling.image_pull_secrets:
        values["global"] = {"imagePullSecrets": list(secrets)}
    return values


def _needed_before_start(settings: IstioSettings) -> dict[str, Any]:
    """Volumes that delay istiod's containers until the configuration exists that istiod reads at its start.

    Helm creates ConfigMaps before Deployments, but Pulumi's engine creates all objects of a chart at once. An istiod
    that starts before the injector's ConfigMap exists serves without an injector until it is restarted, and only its
    log says so. The kubelet starts a container only when its mounted ConfigMaps exist; istiod itself reads them from
    the API server.
    """
    suffix = f"-{settings.revision}" if settings.revision else ""
    needed = {"needed-mesh": f"istio{suffix}", "needed-injector": f"istio-sidecar-injector{suffix}"}
    return {
        "volumes": [{"name": volume, "configMap": {"name": name}} for volume, name in needed.items()],
        "volumeMounts": [
            {"name": volume, "mountPath": f"/etc/otel-mesh/{volume}", "readOnly": True} for volume in needed
        ],
    }


def istiod_values(settings: IstioSettings, tracing: Tracing, environment: str) -> dict[str, Any]:
    """Values of chart ``istiod``."""
    plane, proxy = settings.control_plane, settings.proxy
    values: dict[str, Any] = {
        "revision": settings.revision,
        "autoscaleEnabled": False,
        "replicaCount": plane.replicas,
        "rollingMaxSurge": 1,
        "rollingMaxUnavailable": 0,
        "resources": plane.resources.manifest(),
        "seccompProfile": _SECCOMP,
        "topologySpreadConstraints": plane.scheduling.spread(_istiod_pods(settings)),
        "cni": {"enabled": True},
        **_needed_before_start(settings),
        # Telemetry resources always set the percentage; upstream's default of 1 % must not apply anywhere
        "traceSampling": 0,
        "telemetry": {"enabled": proxy.istio_metrics},
        "env": dict(plane.environment),
        "meshConfig": mesh_config(settings, tracing, environment),
        "global": {
            "istioNamespace": settings.namespace,
            **_NO_READER,
            "logAsJson": True,
            # with a single pod a disruption budget would only block drains
            "defaultPodDisruptionBudget": {"enabled": plane.replicas > 1},
            "proxy": {
                "clusterDomain": CLUSTER_DOMAIN,
                "resources": proxy.resources.manifest(),
                # for sidecars, so that restricted namespaces admit pods that do not set it themselves
                "seccompProfile": _SECCOMP,
            },
        },
    }
    if plane.replicas > 1:
        values["pdb"] = {"maxUnavailable": plane.scheduling.max_unavailable}
    _schedule(values, plane.scheduling)
    if not proxy.istio_metrics:
        values["env"] = {"PILOT_ENABLE_METADATA_EXCHANGE": "false", **values["env"]}
    if plane.image:
        values["image"] = plane.image
    if proxy.image:
        values["global"]["proxy"]["image"] = proxy.image
        values["global"]["proxy_init"] = {"image": proxy.image}
    return values


def _istiod_pods(settings: IstioSettings) -> dict[str, str]:
    """Labels that only the istiod pods of this revision have."""
    return {"app": "istiod", "istio.io/rev": settings.revision or "default"}


def _schedule(values: dict[str, Any], scheduling: Scheduling) -> None:
    """Writes the pods' scheduling to the places where the chart reads it."""
    fields = scheduling.pod_fields()
    values |= {name: fields[name] for name in ("nodeSelector", "tolerations") if name in fields}
    if scheduling.priority_class:
        values["global"]["priorityClassName"] = scheduling.priority_class
    if scheduling.image_pull_secrets:
        values["global"]["imagePullSecrets"] = list(scheduling.image_pull_secrets)


def chart_values(settings: IstioSettings, tracing: Tracing, environment: str) -> dict[str, dict[str, Any]]:
    """The values of each of the charts."""
    values = (base_values(settings), cni_values(settings), istiod_values(settings, tracing, environment))
    return dict(zip(CHARTS, values, strict=True))
