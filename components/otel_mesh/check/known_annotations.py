"""Annotations that Istio and Linkerd read, and the kinds of objects they read them on.

Istio's are those of istio.io/api 1.31 (``annotation/annotations.gen.go``); Linkerd's are those of edge-26.9 (proxy
injector, policy controller and destination controller).
"""

from __future__ import annotations

from typing import Final

ANY: Final = "Any"
"""Kind of an annotation that is not bound to one."""

_ISTIO: Final[dict[str, tuple[str, ...]]] = {
    "Any": (
        "galley.istio.io/analyze-suppress",
        "gateway.istio.io/controller-version",
    ),
    "AuthorizationPolicy": ("istio.io/dry-run",),
    "Gateway": (
        "gateway.istio.io/name-override",
        "gateway.istio.io/service-account",
        "networking.istio.io/service-type",
    ),
    "Gateway GatewayClass": ("ambient.istio.io/waypoint-inbound-binding",),
    "Ingress": ("kubernetes.io/ingress.class",),
    "Namespace": ("topology.istio.io/controlPlaneClusters",),
    "Namespace Service ServiceEntry": (
        "istio.io/use-waypoint-canary-weight",
        "networking.istio.io/traffic-distribution",
    ),
    "Pod": (
        "ambient.istio.io/bypass-inbound-capture",
        "ambient.istio.io/dns-capture",
        "ambient.istio.io/redirection",
        "inject.istio.io/templates",
        "istio.io/reroute-virtual-interfaces",
        "istio.io/rev",
        "prometheus.istio.io/merge-metrics",
        "proxy.istio.io/config",
        "proxy.istio.io/overrides",
        "readiness.status.sidecar.istio.io/applicationPorts",
        "readiness.status.sidecar.istio.io/failureThreshold",
        "readiness.status.sidecar.istio.io/initialDelaySeconds",
        "readiness.status.sidecar.istio.io/periodSeconds",
        "sidecar.istio.io/agentLogLevel",
        "sidecar.istio.io/bootstrapOverride",
        "sidecar.istio.io/componentLogLevel",
        "sidecar.istio.io/discoveryAddress",
        "sidecar.istio.io/extraStatTags",
        "sidecar.istio.io/inject",
        "sidecar.istio.io/interceptionMode",
        "sidecar.istio.io/logLevel",
        "sidecar.istio.io/nativeSidecar",
        "sidecar.istio.io/proxyCPU",
        "sidecar.istio.io/proxyCPULimit",
        "sidecar.istio.io/proxyImage",
        "sidecar.istio.io/proxyImageType",
        "sidecar.istio.io/proxyMemory",
        "sidecar.istio.io/proxyMemoryLimit",
        "sidecar.istio.io/rewriteAppHTTPProbers",
        "sidecar.istio.io/statsCompression",
        "sidecar.istio.io/statsEvictionInterval",
        "sidecar.istio.io/statsFlushInterval",
        "sidecar.istio.io/statsHistogramBins",
        "sidecar.istio.io/statsHistogramBuckets",
        "sidecar.istio.io/statsInclusionPrefixes",
        "sidecar.istio.io/statsInclusionRegexps",
        "sidecar.istio.io/statsInclusionSuffixes",
        "sidecar.istio.io/status",
        "sidecar.istio.io/userVolume",
        "sidecar.istio.io/userVolumeMount",
        "status.sidecar.istio.io/port",
        "traffic.sidecar.istio.io/excludeInboundPorts",
        "traffic.sidecar.istio.io/excludeInterfaces",
        "traffic.sidecar.istio.io/excludeOutboundIPRanges",
        "traffic.sidecar.istio.io/excludeOutboundPorts",
        "traffic.sidecar.istio.io/includeInboundPorts",
        "traffic.sidecar.istio.io/includeOutboundIPRanges",
        "traffic.sidecar.istio.io/includeOutboundPorts",
        "traffic.sidecar.istio.io/kubevirtInterfaces",
    ),
    "Service": (
        "alpha.istio.io/canonical-serviceaccounts",
        "alpha.istio.io/kubernetes-serviceaccounts",
        "networking.istio.io/exportTo",
        "traffic.istio.io/nodeSelector",
    ),
    "WorkloadEntry": (
        "istio.io/autoRegistrationGroup",
        "istio.io/connectedAt",
        "istio.io/disconnectedAt",
        "istio.io/workloadController",
    ),
}
"""Istio's annotations by the kinds they belong to, separated by spaces."""

DEPRECATED: Final = frozenset(
    {
        "alpha.istio.io/canonical-serviceaccounts",
        "alpha.istio.io/kubernetes-serviceaccounts",
        "sidecar.istio.io/discoveryAddress",
        "sidecar.istio.io/extraStatTags",
        "sidecar.istio.io/inject",
        "sidecar.istio.io/statsCompression",
        "sidecar.istio.io/statsInclusionPrefixes",
        "sidecar.istio.io/statsInclusionRegexps",
        "sidecar.istio.io/statsInclusionSuffixes",
        "traffic.sidecar.istio.io/kubevirtInterfaces",
    }
)
"""Istio's annotations that it is about to drop."""

_CONFIG: Final = (
    "access-log admin-port admin-shutdown close-wait-timeout control-port debug-image-version default-inbound-policy "
    "disable-identity disable-tap enable-debug-sidecar enable-external-profiles enable-gateway enable-hostname-labels "
    "image-pull-policy inbound-port init-image init-image-version native-sidecar opaque-ports outbound-port "
    "pod-inbound-ports proxy-admin-shutdown proxy-admin-port proxy-await proxy-control-port proxy-cpu-limit "
    "proxy-cpu-ratio-limit proxy-cpu-request proxy-disable-inbound-protocol-detect-timeout "
    "proxy-disable-outbound-protocol-detect-timeout proxy-enable-native-sidecar proxy-ephemeral-storage-limit "
    "proxy-ephemeral-storage-request proxy-gid proxy-image proxy-inbound-connect-timeout "
    "proxy-inbound-discovery-cache-unused-timeout proxy-log-format proxy-log-http-headers proxy-log-level "
    "proxy-memory-limit proxy-memory-request proxy-metrics-hostname-labels proxy-outbound-connect-timeout "
    "proxy-outbound-discovery-cache-unused-timeout proxy-outbound-transport-mode proxy-require-identity-inbound-ports "
    "proxy-uid proxy-version service-mirror-name shutdown-grace-period skip-inbound-ports skip-outbound-ports "
    "skip-subnets trace-collector trace-collector-service-account"
)
_LINKERD: Final[dict[str, str]] = {
    "linkerd.io/": (
        "inject created-by proxy-version identity-mode is-egress-mesh inject-rendered trust-root-sha256 "
        "control-plane-component proxy-deployment"
    ),
    "config.linkerd.io/": _CONFIG,
    "config.alpha.linkerd.io/": ("proxy-wait-before-exit-seconds proxy-enable-native-sidecar linkerd-proxy-auth-mode"),
    "config.beta.linkerd.io/": "proxy-enable-native-sidecar",
    "retry.linkerd.io/": "http grpc limit timeout",
    "timeout.linkerd.io/": "request response idle",
    "balancer.linkerd.io/": (
        "failure-accrual failure-accrual-consecutive-max-failures failure-accrual-consecutive-max-penalty "
        "failure-accrual-consecutive-min-penalty failure-accrual-consecutive-jitter-ratio "
        "failure-accrual-unified-success-rate failure-accrual-unified-window failure-accrual-unified-min-requests "
        "failure-accrual-unified-min-penalty failure-accrual-unified-max-penalty failure-accrual-unified-jitter-ratio"
    ),
    "viz.linkerd.io/": "tap-enabled disable-tap tap-injected allow-tap-from",
    "multicluster.linkerd.io/": (
        "remote-gateway-identity remote-service-fq-name gateway-identity probe-period probe-path "
        "remote-resource-version remote-gateway-resource-version"
    ),
    "mirror.linkerd.io/": (
        "cluster-name exported remote-gateway-identity remote-svc-fq-name remote-resource-version "
        "remote-gateway-resource-version gateway-identity probe-period probe-path multicluster-gateway "
        "cluster-credentials-updated"
    ),
}
"""Names of Linkerd's annotations by prefix."""

ISTIO: Final = {name: frozenset(kinds.split()) for kinds, names in _ISTIO.items() for name in names}
"""Kinds of objects by the name of Istio's annotation."""

LINKERD: Final = frozenset(f"{prefix}{name}" for prefix, names in _LINKERD.items() for name in names.split())
"""Linkerd's annotations."""
