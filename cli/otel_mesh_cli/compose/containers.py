"""A pod as a service of Compose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.values import quantity
from otel_mesh_cli.compose.probes import BUSYBOX, Client, health_check, needs_client
from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh.k8s.manifests import Manifest

BUSYBOX_IMAGE: Final = "docker.io/library/busybox:1.37.0-musl"
"""Statically linked: runs in any image."""

_POD_FIELDS: Final = {
    "containers",
    "initContainers",
    "volumes",
    "securityContext",
    "terminationGracePeriodSeconds",
    # scheduling and API access, which have no meaning outside Kubernetes
    "serviceAccountName",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "nodeSelector",
    "tolerations",
    "priorityClassName",
    "imagePullSecrets",
    "topologySpreadConstraints",
}
_CONTAINER_FIELDS: Final = {
    "name",
    "image",
    "command",
    "args",
    "env",
    "ports",
    "resources",
    "volumeMounts",
    "lifecycle",
    "securityContext",
    "startupProbe",
    "livenessProbe",
    "readinessProbe",
}
_HOOKS: Final = {"postStart": "post_start", "preStop": "pre_stop"}
_REFERENCE: Final = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
_ATTRIBUTES: Final = "OTEL_RESOURCE_ATTRIBUTES"
_KUBERNETES_ATTRIBUTE: Final = "k8s."
_MIB: Final = 2**20


def service(workload: Manifest, build: Mapping[str, Any] | None) -> dict[str, Any]:
    """The Compose service of a workload, without its mounts, addresses and dependencies.

    Init containers become services of their own: see `initial`.

    Args:
        workload: A Deployment or StatefulSet.
        build: Build section of its image; None for an image from a registry.

    Raises:
        CommandError: The workload has a field without a counterpart in Compose.
    """
    name, pod, container = workload["metadata"]["name"], pod_of(workload), container_of(workload)
    _require_known(name, pod, _POD_FIELDS)
    _require_known(name, container, _CONTAINER_FIELDS)
    if pod.get("automountServiceAccountToken"):
        raise CommandError(f"{name}: needs the Kubernetes API", remedy="add a setting that switches that off")
    context = pod["securityContext"]
    made: dict[str, Any] = {
        **_image(container, build),
        "user": f"{context['runAsUser']}:{context['runAsGroup']}",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
        "stop_grace_period": f"{pod['terminationGracePeriodSeconds']}s",
        "environment": environment(workload),
        "deploy": {"resources": {"limits": {"memory": _memory(container)}}},
    }
    if "command" in container:
        made["entrypoint"] = list(container["command"])
    if "args" in container:
        made["command"] = list(container["args"])
    for hook, action in container.get("lifecycle", {}).items():
        made[_HOOKS[hook]] = [{"command": list(action["exec"]["command"])}]
    check = health_check(container, Client(python=build is not None))
    if check is not None:
        made["healthcheck"] = check
    return made


def initial(workload: Manifest) -> Iterator[Manifest]:
    """The init containers of a workload, each as a workload of its own."""
    pod, meta, spec = pod_of(workload), workload["metadata"], workload["spec"]
    for one in pod.get("initContainers", ()):
        own = {**pod, "containers": [one], "initContainers": []}
        yield {
            **workload,
            "metadata": {**meta, "name": f"{meta['name']}-{one['name']}"},
            "spec": {**spec, "template": {**spec["template"], "spec": own}},
        }


def pod_of(workload: Manifest) -> dict[str, Any]:
    """The ``spec`` of a workload's pod."""
    pod: dict[str, Any] = workload["spec"]["template"]["spec"]
    return pod


def container_of(workload: Manifest) -> dict[str, Any]:
    """The only container of a workload's pod.

    Raises:
        CommandError: There are several.
    """
    containers = pod_of(workload)["containers"]
    if len(containers) != 1:
        raise CommandError(
            f"{workload['metadata']['name']}: {len(containers)} containers", remedy="give each a workload of its own"
        )
    return dict(containers[0])


def environment(workload: Manifest) -> dict[str, str]:
    """The container's environment variables, with references to each other resolved.

    Values of the downward API become the service's name, and ``k8s.*`` resource attributes are left out.
    """
    name, namespace = workload["metadata"]["name"], workload["metadata"]["namespace"]
    downward = {
        "metadata.name": name,
        "metadata.uid": name,
        "metadata.namespace": namespace,
        "spec.nodeName": "compose",
        "status.podIP": "",
    }
    found: dict[str, str] = {}
    for one in container_of(workload).get("env", ()):
        field = one.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
        text = downward[field] if field else str(one["value"])
        found[one["name"]] = _REFERENCE.sub(lambda match: found.get(match[1], match[0]), text)
    if _ATTRIBUTES in found:
        pairs = found[_ATTRIBUTES].split(",")
        found[_ATTRIBUTES] = ",".join(pair for pair in pairs if not pair.startswith(_KUBERNETES_ATTRIBUTE))
    return {key: value for key, value in found.items() if value}


def _image(container: Mapping[str, Any], build: Mapping[str, Any] | None) -> dict[str, Any]:
    image = container["image"]
    if build is not None:
        return {"build": dict(build)}
    if not needs_client(container):
        return {"image": image}
    recipe = (
        f"FROM {BUSYBOX_IMAGE} AS busybox\nFROM {image}\n# for its health check\n"
        f"COPY --from=busybox /bin/busybox {BUSYBOX}\n"
    )
    return {"build": {"context": ".", "dockerfile_inline": recipe}}


def _memory(container: Mapping[str, Any]) -> str:
    return f"{int(quantity(container['resources']['limits']['memory'])) // _MIB}m"


def _require_known(name: str, given: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(key for key, value in given.items() if key not in known and value):
        raise CommandError(
            f"{name}: {', '.join(unknown)}: not translated",
            remedy="translate it in cli/otel_mesh_cli/compose/containers.py",
        )
