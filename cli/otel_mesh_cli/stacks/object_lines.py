"""One line about a Kubernetes object: what a person who reviews a stack wants to know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Manifest = Mapping[str, Any]


def line(manifest: Manifest) -> str:
    """What distinguishes an object, beside its kind and name; empty for kinds that say it all by their name."""
    describe = _DESCRIBE.get(str(manifest["kind"]))
    return describe(manifest) if describe else ""


def place(manifest: Manifest) -> str:
    """``namespace/name``, or the name of an object of the whole cluster; so the provider's ids are too."""
    meta = manifest["metadata"]
    return "/".join(part for part in (meta.get("namespace"), meta.get("name")) if part)


def containers(manifest: Manifest) -> list[Mapping[str, Any]]:
    """The containers of a workload, those that run to an end first included."""
    spec = pod(manifest)
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def pod(manifest: Manifest) -> Mapping[str, Any]:
    """The pods' ``spec`` of a workload; empty for every other object."""
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
        return f"a drain leaves {spec['minAvailable']}"
    return f"a drain takes {spec.get('maxUnavailable')} at a time"


def _priority(manifest: Manifest) -> str:
    never = manifest.get("preemptionPolicy") == "Never"
    return f"value {manifest['value']}, {'ends no other pods' if never else 'ends less urgent pods'}"


def _keys(manifest: Manifest) -> str:
    # data of a Secret may be one mark in place of all of it
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
