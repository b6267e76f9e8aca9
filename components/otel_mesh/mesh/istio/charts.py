"""The values that Istio's charts get."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.network import CLUSTER_DOMAIN
from otel_mesh.mesh.istio.settings import TRACING_PROVIDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh.k8s.scheduling import Scheduling
    from otel_mesh.mesh.istio.settings import IstioSettings, Tracing

CHARTS: Final = ("base", "cni", "istiod")
"""Names in upstream's repository, in the order of their installation."""

_SECCOMP: Final = {"type": "RuntimeDefault"}

_NO_READER: Final = {"enableReaderRBAC": False}
"""No account with the right to read all Secrets: it is for the istiods of other clusters, which there are not."""

_ACCESS_LOG: Final = {
    "start_time": "%START_TIME%",
    "trace_id": "%TRACE_ID%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "method": "%REQ(:METHOD)%",
    # the query may hold personal data, and is logged by no service of ours either
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
"""What is repeated where no route says otherwise: what surely reached no application.

Istio's own default (pilot/pkg/networking/core/route/retry) also repeats after 503 and gRPC's UNAVAILABLE and CANCELLED,
whatever the method: an order that was made before its answer got lost would be made twice.
"""


_SPANS_WAIT_MS: Final = "1000"
"""How long a proxy keeps spans to send some together; Envoy's default is 5 s. Those it has when it stops are lost, and
it stops with its pod's last other container."""


def proxy_resource_attributes(version: str, environment: str) -> str:
    """OTEL_RESOURCE_ATTRIBUTES of the proxies: the vocabulary that services use for the same things.

    Kubernetes fills in the ``$(...)`` from variables that the injected container has before this one. By the pod's
    address the Collector finds what else is known of the pod.
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
        # a span of api-gateway's proxy belongs to api-gateway, as its own spans do
        "tracingServiceName": "CANONICAL_NAME_ONLY",
        "proxyMetadata": {
            "OTEL_RESOURCE_ATTRIBUTES": proxy_resource_attributes(settings.version, environment),
            "SECRET_TTL": settings.proxy.certificate_lifetime,
        },
        "runtimeValues": {"tracing.opentelemetry.flush_interval_ms": _SPANS_WAIT_MS},
        # Envoy's own statistics are read by the agent in the same container only, which would have them compressed and
        # unpack them again
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
    """Values of chart ``base``: the CustomResourceDefinitions and the validation of what is written into them."""
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
        # what the mesh itself and the node need must start when the plugin's agent is away
        "excludeNamespaces": ["kube-system", settings.namespace, cni.namespace],
        "seccompProfile": _SECCOMP,
        # the annotation is for Kubernetes before 1.30, and the API server warns of it
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
    """Holds istiod's containers back until the configuration that it reads at its start exists.

    Helm makes ConfigMaps before Deployments; the engine makes all objects of a chart at once. An istiod that starts
    before its injector's ConfigMap serves without an injector until it is restarted, and says so in its log only. A
    mounted ConfigMap has to be there before kubelet starts a container; istiod itself reads the API server's.
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
        # the percentage always stands in a Telemetry resource; upstream's default of 1 % must apply nowhere
        "traceSampling": 0,
        "telemetry": {"enabled": proxy.istio_metrics},
        "env": dict(plane.environment),
        "meshConfig": mesh_config(settings, tracing, environment),
        "global": {
            "istioNamespace": settings.namespace,
            **_NO_READER,
            "logAsJson": True,
            # with a single pod a budget would only block drains
            "defaultPodDisruptionBudget": {"enabled": plane.replicas > 1},
            "proxy": {
                "clusterDomain": CLUSTER_DOMAIN,
                "resources": proxy.resources.manifest(),
                # of sidecars, so that restricted namespaces admit pods that say nothing of it themselves
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
    """Labels that this revision's istiod pods, and no others, carry by the chart."""
    return {"app": "istiod", "istio.io/rev": settings.revision or "default"}


def _schedule(values: dict[str, Any], scheduling: Scheduling) -> None:
    """Puts what the settings say of pods where the chart looks for it."""
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


def unknown_values(values: Mapping[str, Any], chart: Mapping[str, Any]) -> list[str]:
    """Values that a chart doesn't know, by path: Helm itself ignores them without a word.

    Args:
        values: given to the chart.
        chart: content of its ``values.yaml``.
    """
    known = chart.get("_internal_defaults_do_not_set", chart)
    return sorted(_unknown(values, known, ""))


_OPEN: Final = ("meshConfig", "pdb")
"""Values whose keys the chart's own file doesn't list: Istio's, and those of two that exclude each other."""

_UNLISTED: Final = ("global.enableReaderRBAC",)
"""Values that templates of a chart read although its own file doesn't list them."""


def _unknown(values: Mapping[str, Any], known: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, value in values.items():
        here = f"{path}{key}"
        if here in _UNLISTED:
            continue
        if key not in known:
            yield here
        elif isinstance(value, dict) and isinstance(known[key], dict) and known[key] and not _open(here):
            yield from _unknown(value, known[key], f"{here}.")


def _open(path: str) -> bool:
    return path in _OPEN or path.rpartition(".")[2] == "resources"
