"""Annotations of Istio and Linkerd: mistyped, misplaced, deprecated, or with a value that is not understood."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.known_annotations import ANY, DEPRECATED, ISTIO, LINKERD
from otel_mesh.core.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object

UNKNOWN: Final = code(
    "OM601",
    Severity.WARNING,
    "unknown annotation of the mesh",
    why="It has no effect, and nobody says so.",
    remedy="see the mesh's reference of annotations",
    istioctl=("IST0108",),
)
MISPLACED: Final = code(
    "OM602",
    Severity.WARNING,
    "annotation on an object of another kind",
    why="It has no effect there.",
    remedy="move it; for pods to the pod template",
    istioctl=("IST0107",),
)
INVALID: Final = code(
    "OM603",
    Severity.ERROR,
    "annotation with a value that is not understood",
    why="The pod is refused at injection, or the value is ignored.",
    remedy="correct the value",
    istioctl=("IST0125",),
)
OLD: Final = code(
    "OM604",
    Severity.INFO,
    "deprecated annotation",
    why="A later version of Istio ignores it.",
    remedy="use what replaces it",
    istioctl=("IST0135",),
)
_INGRESS_CLASS: Final = "kubernetes.io/ingress.class"
_INTERNAL: Final = ("sidecar.istio.io/status", "install.operator.istio.io", "operator.istio.io", "meshconfig")
_QUANTITY: Final = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_NUMBER: Final = re.compile(r"\d{1,10}")
_PORTS: Final = re.compile(r"\*|(\d{1,5}(-\d{1,5})?(,\s*\d{1,5}(-\d{1,5})?)*)?")
_BOOLEAN: Final = re.compile(r"true|false|1|0|t|f|True|False|TRUE|FALSE|T|F")
_DURATION: Final = re.compile(r"\d+(ms|s|m|h)|0")
_PATTERNS: Final[Mapping[str, re.Pattern[str]]] = {
    "sidecar.istio.io/interceptionMode": re.compile(r"REDIRECT|TPROXY|NONE"),
    "sidecar.istio.io/proxyCPU": _QUANTITY,
    "sidecar.istio.io/proxyCPULimit": _QUANTITY,
    "sidecar.istio.io/proxyMemory": _QUANTITY,
    "sidecar.istio.io/proxyMemoryLimit": _QUANTITY,
    "status.sidecar.istio.io/port": _NUMBER,
    "readiness.status.sidecar.istio.io/initialDelaySeconds": _NUMBER,
    "readiness.status.sidecar.istio.io/periodSeconds": _NUMBER,
    "readiness.status.sidecar.istio.io/failureThreshold": _NUMBER,
    "traffic.sidecar.istio.io/includeInboundPorts": _PORTS,
    "traffic.sidecar.istio.io/excludeInboundPorts": _PORTS,
    "traffic.sidecar.istio.io/excludeOutboundPorts": _PORTS,
    "prometheus.istio.io/merge-metrics": _BOOLEAN,
    "linkerd.io/inject": re.compile(r"enabled|disabled|ingress"),
    "retry.linkerd.io/limit": _NUMBER,
    "retry.linkerd.io/timeout": _DURATION,
    "retry.linkerd.io/http": re.compile(r"((5xx|gateway-error|\d{3}(-\d{3})?)(,\s*|$))+"),
    "timeout.linkerd.io/request": _DURATION,
    "timeout.linkerd.io/response": _DURATION,
    "timeout.linkerd.io/idle": _DURATION,
    "balancer.linkerd.io/failure-accrual": re.compile(r"consecutive|unified"),
    "config.linkerd.io/default-inbound-policy": re.compile(
        r"all-unauthenticated|all-authenticated|cluster-unauthenticated|cluster-authenticated|deny|audit"
    ),
}
_RANGES: Final = (
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
)


def check(index: Index) -> Iterator[Finding]:
    """Findings of this module."""
    for one in index.objects:
        if one.annotations:
            yield from _annotations(one, one.annotations, "metadata.annotations", one.kind, one.labels)
    for workload in index.workloads:
        if workload.object.kind != "Pod" and workload.annotations:
            path = workload.path("metadata.annotations")
            yield from _annotations(workload.object, workload.annotations, path, "Pod", workload.labels)


def _annotations(
    one: Object, annotations: Mapping[str, Any], path: str, kind: str, labels: Mapping[str, Any]
) -> Iterator[Finding]:
    for key, value in annotations.items():
        group = key.partition("/")[0]
        place = f"{path}[{key}]"
        if (group.endswith("istio.io") and not key.startswith(_INTERNAL)) or key == _INGRESS_CLASS:
            yield from _istio(one, place, key, kind, is_label=key in labels)
        elif group.endswith("linkerd.io") and key not in LINKERD:
            yield found(UNKNOWN, one, place, f"Linkerd reads no '{key}'", remedy=_hint(key, LINKERD))
        if not _understood(key, str(value)):
            yield found(INVALID, one, place, f"'{key}' has no such value")


def _istio(one: Object, path: str, key: str, kind: str, *, is_label: bool) -> Iterator[Finding]:
    kinds = ISTIO.get(key)
    if kinds is None:
        yield found(UNKNOWN, one, path, f"Istio reads no '{key}'", remedy=_hint(key, ISTIO))
        return
    if key in DEPRECATED and not is_label:
        replacement = f"use the label {key}" if key == "sidecar.istio.io/inject" else ""
        yield found(OLD, one, path, f"'{key}' is deprecated", remedy=replacement)
    # on objects of other systems' kinds, such as a Helm chart's, it may be a record for people
    if ANY not in kinds and kind in _CHECKED and kind not in kinds:
        yield found(MISPLACED, one, path, f"'{key}' is read on {', '.join(sorted(kinds))} only")


_CHECKED: Final = frozenset({"Namespace", "Service", "Pod", "Deployment", "StatefulSet", "DaemonSet", "Ingress"})


def _hint(key: str, known: object) -> str:
    remedy = nearest(key, known if isinstance(known, (dict, frozenset)) else ())
    return remedy if remedy.startswith("did you mean") else ""


def _understood(key: str, value: str) -> bool:
    if (pattern := _PATTERNS.get(key)) is not None:
        return pattern.fullmatch(value) is not None
    if key in _RANGES and value not in ("", "*"):
        try:
            for part in value.split(","):
                ipaddress.ip_network(part.strip(), strict=False)
        except ValueError:
            return False
    return True
