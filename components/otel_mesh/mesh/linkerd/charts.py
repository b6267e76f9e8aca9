"""Values of Linkerd's charts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.network import CLUSTER_DOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pulumi

    from otel_mesh.k8s.resources import Resources
    from otel_mesh.mesh.binding import CollectorIdentity
    from otel_mesh.mesh.linkerd.settings import LinkerdSettings
    from otel_mesh.mesh.tracing import Tracing

CHARTS: Final = ("linkerd-crds", "linkerd2-cni", "linkerd-control-plane")
"""Names of the charts in upstream's repository, in the order of installation."""
_UPSTREAM_OPAQUE: Final = (25, 587, 3306, 4444, 5432, 6379, 9300, 11211)
_WEBHOOK_VALUES: Final = {
    "proxyInjector": "proxy-injector",
    "profileValidator": "sp-validator",
    "policyValidator": "policy-validator",
}
_PARTS: Final = ("destination", "identity", "proxyInjector", "spValidator")


def crds_values() -> dict[str, Any]:
    """Values of chart ``linkerd-crds``: the Gateway API's definitions are installed apart from it."""
    return {"installGatewayAPI": False}


def cni_values(settings: LinkerdSettings) -> dict[str, Any]:
    """Values of chart ``linkerd2-cni``."""
    cni, proxy = settings.cni, settings.proxy
    values: dict[str, Any] = {
        "destCNIBinDir": cni.bin_dir,
        "destCNINetDir": cni.conf_dir,
        "iptablesMode": cni.iptables,
        "resources": _resources(cni.resources),
        "repairController": {"enabled": cni.repair, "resources": _resources(cni.resources)},
        "ignoreInboundPorts": _ports(proxy.skip_inbound_ports),
        "ignoreOutboundPorts": _ports(proxy.skip_outbound_ports),
        "imagePullSecrets": _pull_secrets(settings),
    }
    if cni.image is not None:
        name, tag = _image(cni.image)
        values["image"] = {"name": name, "version": tag}
    return values


def control_plane_values(  # noqa: PLR0913 - the parts of a mesh, all by keyword
    settings: LinkerdSettings,
    *,
    tracing: Tracing,
    environment: str,
    collector: CollectorIdentity | None,
    trust_anchors: pulumi.Input[str],
    webhook_certificates: Mapping[str, pulumi.Input[str]],
    trust_marker: str,
) -> dict[str, Any]:
    """Values of chart ``linkerd-control-plane``, without any private key.

    The same settings always render the same objects: upstream's defaults generate the webhooks' certificates and the
    heartbeat's schedule anew at every rendering.

    Args:
        settings: Settings of the mesh.
        tracing: Destination of the spans.
        environment: Value of ``deployment.environment.name``.
        collector: Workload identity of the Collector; None turns tracing off.
        trust_anchors: Trust anchors in PEM.
        webhook_certificates: Certificate of each webhook in PEM.
        trust_marker: Text that changes with the certificates.
    """
    plane, several = settings.control_plane, settings.control_plane.replicas > 1
    fields = plane.scheduling.pod_fields()
    values: dict[str, Any] = {
        "linkerdVersion": settings.version,
        "clusterDomain": CLUSTER_DOMAIN,
        "clusterNetworks": ",".join(settings.cluster_networks),
        "identityTrustDomain": settings.trust_domain,
        "identityTrustAnchorsPEM": trust_anchors,
        "identity": {
            # never the chart's own Secret: the key would be one of the values
            "issuer": {"scheme": "kubernetes.io/tls", "issuanceLifetime": settings.proxy.certificate_lifetime},
        },
        "cniEnabled": True,
        "disableHeartBeat": True,
        "controllerLogFormat": "json",
        "controllerReplicas": plane.replicas,
        "enablePodAntiAffinity": several,
        "enablePodDisruptionBudget": several,
        "highAvailability": several,
        "deploymentStrategy": {"rollingUpdate": {"maxUnavailable": 1 if several else 0, "maxSurge": 1}},
        "controller": {
            "podDisruptionBudget": {"maxUnavailable": plane.scheduling.max_unavailable},
            "tracing": {"enabled": False},
        },
        "webhookFailurePolicy": plane.webhook_failure.capitalize(),
        "podAnnotations": {"otel-mesh.dev/mesh-trust": trust_marker} if trust_marker else {},
        "proxy": _proxy_values(settings),
        "imagePullSecrets": _pull_secrets(settings),
        "priorityClassName": plane.scheduling.priority_class or "",
        **{key: fields[key] for key in ("tolerations",) if key in fields},
        **{f"{part}Resources": _resources(plane.resources) for part in _PARTS},
        **{
            key: {"externalSecret": True, "caBundle": webhook_certificates[name]}
            for key, name in _WEBHOOK_VALUES.items()
        },
    }
    if plane.scheduling.node_selector:
        values["nodeSelector"] = {"kubernetes.io/os": "linux", **plane.scheduling.node_selector}
    if plane.image is not None:
        values["controllerImage"], values["controllerImageVersion"] = _image(plane.image)
    values["policyController"] = {"resources": _resources(plane.resources)}
    if settings.proxy.tracing and collector is not None:
        _trace(values, settings, tracing, environment, collector)
    return values


def _proxy_values(settings: LinkerdSettings) -> dict[str, Any]:
    proxy = settings.proxy
    opaque = sorted({*_UPSTREAM_OPAQUE, *proxy.opaque_ports})
    values: dict[str, Any] = {
        "nativeSidecar": proxy.native_sidecar,
        "defaultInboundPolicy": proxy.inbound,
        "logLevel": proxy.log_level,
        "logFormat": "json",
        "opaquePorts": _ports(opaque),
        "resources": _resources(proxy.resources),
    }
    if proxy.access_logs:
        values["accessLog"] = "json"
    if proxy.image is not None:
        name, tag = _image(proxy.image)
        values["image"] = {"name": name, "version": tag}
    return values


def _trace(
    values: dict[str, Any],
    settings: LinkerdSettings,
    tracing: Tracing,
    environment: str,
    collector: CollectorIdentity,
) -> None:
    """Turns tracing on. A proxy sends its spans by mTLS to the Collector's identity, hence only to a meshed one."""
    endpoint = f"{tracing.service}:{tracing.port}"
    identity = {"serviceAccountName": collector.service_account, "namespace": collector.namespace}
    values["proxy"]["tracing"] = {
        "enabled": True,
        "traceServiceName": "linkerd-proxy",
        "labels": {
            "k8s.pod.ip": "$(_pod_ip)",
            "k8s.pod.uid": "$(_pod_uid)",
            "k8s.container.name": "$(_pod_containerName)",
            "service.mesh": "linkerd",
            "service.mesh.version": settings.version,
            "deployment.environment.name": environment,
            **tracing.tags,
        },
        "collector": {"endpoint": endpoint, "meshIdentity": identity},
    }
    values["controller"]["tracing"] = {"enabled": True, "collector": {"endpoint": endpoint}}


def _resources(resources: Resources) -> dict[str, dict[str, str]]:
    return {
        "cpu": {"request": resources.cpu, "limit": resources.cpu_limit or ""},
        "memory": {"request": resources.memory, "limit": resources.memory_limit},
        "ephemeral-storage": {"request": "", "limit": ""},
    }


def _ports(ports: Iterable[int]) -> str:
    return ",".join(str(port) for port in ports)


def _pull_secrets(settings: LinkerdSettings) -> list[dict[str, pulumi.Input[str]]]:
    return [{"name": one} for one in settings.control_plane.scheduling.image_pull_secrets]


def _image(reference: str) -> tuple[str, str]:
    """Name and tag of an image, the digest with the tag: the charts join them by a colon."""
    folder, _, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return (f"{folder}/{name}" if folder else name), tag
