"""One line about a Kubernetes object, for the review of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Manifest = Mapping[str, Any]


def line(manifest: Manifest) -> str:
    """Properties of an object beside its kind and name; empty for kinds without any of interest."""
    describe = _DESCRIBE.get(str(manifest["kind"]))
    return describe(manifest) if describe else ""


def place(manifest: Manifest) -> str:
    """``namespace/name``, or the name of a cluster-scoped object; the provider's ids have the same form."""
    meta = manifest["metadata"]
    return "/".join(part for part in (meta.get("namespace"), meta.get("name")) if part)


def containers(manifest: Manifest) -> list[Mapping[str, Any]]:
    """Init containers and containers of a workload."""
    spec = pod(manifest)
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def pod(manifest: Manifest) -> Mapping[str, Any]:
    """Pod ``spec`` of a workload; empty for other objects."""
    spec: Mapping[str, Any] = manifest.get("spec", {}).get("template", {}).get("spec", {}) if "spec" in manifest else {}
    return spec


def _workload(manifest: Manifest) -> str:
    replicas = manifest["spec"].get("replicas")
    parts = ["on every node" if replicas is None else _count(replicas, "pod")]
    parts += [_resources(one) for one in containers(manifest)]
    spec = pod(manifest)
    if spec.get("priorityClassName"):
        parts.append(f"priority {spec['priorityClassName']}")
    if spec.get("tolerations"):
        parts.append(_count(len(spec["tolerations"]), "toleration"))
    if replicas != 1 and _spread(spec):
        parts.append(f"spread over {' and '.join(_spread(spec))}")
    return ", ".join(part for part in parts if part)


def _spread(spec: Mapping[str, Any]) -> list[str]:
    return [str(one["topologyKey"]).rpartition("/")[2] for one in spec.get("topologySpreadConstraints") or ()]


def _resources(container: Mapping[str, Any]) -> str:
    resources = container.get("resources") or {}
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    parts = []
    for name in ("cpu", "memory"):
        low, high = requests.get(name), limits.get(name)
        if low or high:
            parts.append(f"{name} {low or 'any'}" + (f" to {high}" if high and high != low else ""))
    return " ".join(parts)


def _service(manifest: Manifest) -> str:
    spec = manifest["spec"]
    ports = ", ".join(f"{port.get('name', 'port')} {port['port']}" for port in spec.get("ports") or ())
    kind = spec.get("type", "ClusterIP")
    return ports if kind == "ClusterIP" else f"{kind}: {ports}"


def _claim(manifest: Manifest) -> str:
    spec = manifest["spec"]
    size = spec["resources"]["requests"]["storage"]
    return f"{size} of " + (
        f"class {spec['storageClassName']}" if spec.get("storageClassName") else "the default class"
    )


def _budget(manifest: Manifest) -> str:
    spec = manifest["spec"]
    if "minAvailable" in spec:
        return f"a drain keeps {spec['minAvailable']}"
    return f"a drain evicts {spec.get('maxUnavailable')} at a time"


def _priority(manifest: Manifest) -> str:
    never = manifest.get("preemptionPolicy") == "Never"
    return f"value {manifest['value']}, {'never preempts' if never else 'preempts lower priorities'}"


def _keys(manifest: Manifest) -> str:
    # the data of a Secret may be one placeholder
    data = manifest.get("data") or manifest.get("stringData")
    return ", ".join(sorted(data)) if isinstance(data, dict) else ""


def _secret(manifest: Manifest) -> str:
    keys = _keys(manifest)
    return f"{keys}: a placeholder here" if keys else "a placeholder here"


def _namespace(manifest: Manifest) -> str:
    level = (manifest["metadata"].get("labels") or {}).get("pod-security.kubernetes.io/enforce")
    return f"admits {level} pods" if level else ""


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


_DESCRIBE: dict[str, Callable[[Manifest], str]] = {
    "ConfigMap": _keys,
    "DaemonSet": _workload,
    "Deployment": _workload,
    "Namespace": _namespace,
    "PersistentVolumeClaim": _claim,
    "PodDisruptionBudget": _budget,
    "PriorityClass": _priority,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": _workload,
}
