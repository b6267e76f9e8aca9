"""A Docker Compose project, translated from the objects of a stack."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.network import service_host
from otel_mesh_cli.compose.containers import BUSYBOX_IMAGE, container_of, initial, service
from otel_mesh_cli.compose.mounts import Mounts
from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from otel_mesh.k8s.manifests import Manifest

NAME: Final = "otel-mesh"
OWNER: Final = "volumes"
"""Name of the service that gives each volume to its user, and exits."""

_WORKLOADS: Final = ("Deployment", "StatefulSet")
_PARTS: Final = (*_WORKLOADS, "Service", "ConfigMap", "Secret", "PersistentVolumeClaim")
_ABOUT_KUBERNETES: Final = {
    "NetworkPolicy",
    "Namespace",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "PodDisruptionBudget",
    "PriorityClass",
}
"""Kinds about access, scheduling and availability, which have no meaning outside Kubernetes."""


@dataclass(frozen=True)
class Published:
    """Port that people open, published on the loopback only.

    Attributes:
        place: ``namespace/name`` of the Service.
        port: Port of the Service.
        variable: Environment variable that sets another port of the loopback.
        default: Port of the loopback.
    """

    place: str
    port: int
    variable: str
    default: int


@dataclass(frozen=True)
class Project:
    """A project and its files.

    Attributes:
        content: Content of ``docker-compose.yaml``.
        files: Content of the other files by path in its folder.
        secret_files: Names of the secret files that it mounts.
    """

    content: dict[str, Any]
    files: Mapping[str, str]
    secret_files: tuple[str, ...]


def translate(
    manifests: Iterable[Manifest],
    *,
    builds: Mapping[str, Mapping[str, Any]],
    published: Iterable[Published],
    secrets_dir: Path,
) -> Project:
    """Translates the objects of a stack.

    Args:
        manifests: All objects of the stack.
        builds: Build sections of our services' images, by workload.
        published: Ports that people open.
        secrets_dir: Folder of the secret files.

    Raises:
        CommandError: An object has no counterpart in Compose.
    """
    objects = _by_place(manifests)
    mounts = Mounts(objects, secrets_dir)
    workloads = [one for (kind, _), one in objects.items() if kind in _WORKLOADS]
    services: dict[str, dict[str, Any]] = {}
    befores: list[tuple[str, str]] = []
    for workload in workloads:
        name = workload["metadata"]["name"]
        if name in services or name == OWNER:
            raise CommandError(f"{name}: name of two workloads", remedy="give each its own name")
        made = _escaped({**service(workload, builds.get(name)), **mounts.of(workload)})
        made["networks"] = {"default": {"aliases": [_address(place) for place in _fronting(workload, objects)]}}
        services[name] = made
        for first in initial(workload):
            once = _escaped({**service(first, builds.get(name)), **mounts.of(first)})
            services[first["metadata"]["name"]] = {
                **once,
                "restart": "on-failure",
                "networks": {"default": {"aliases": []}},
            }
            befores.append((name, first["metadata"]["name"]))
    variables: set[str] = set()
    for one in published:
        if one.variable in variables:
            raise CommandError(
                f"{one.variable}: used for two Services, one of them {one.place}", remedy="expose one of them"
            )
        variables.add(one.variable)
        _publish(services, objects, one)
    _depend(services)
    for name, before in befores:
        services[name].setdefault("depends_on", {})[before] = {"condition": "service_completed_successfully"}
    if mounts.volumes:
        services[OWNER] = _volume_owner(mounts.volumes)
    content = {
        "name": NAME,
        "services": dict(sorted(services.items())),
        "configs": mounts.configs,
        "secrets": mounts.secrets,
        "volumes": {name: {} for name in sorted(mounts.volumes)},
    }
    return Project({key: value for key, value in content.items() if value}, mounts.files, tuple(mounts.secret_files))


def _by_place(manifests: Iterable[Manifest]) -> dict[tuple[str, str], Manifest]:
    found = {}
    for one in manifests:
        kind = one["kind"]
        if kind in _ABOUT_KUBERNETES:
            continue
        if kind not in _PARTS:
            raise CommandError(
                f"{kind} {one['metadata']['name']}: not translated", remedy="translate it in cli/otel_mesh_cli/compose"
            )
        found[kind, f"{one['metadata']['namespace']}/{one['metadata']['name']}"] = one
    return dict(sorted(found.items()))


def _fronting(workload: Manifest, objects: Mapping[tuple[str, str], Manifest]) -> list[str]:
    """``namespace/name`` of the Services that select a workload."""
    labels = workload["spec"]["template"]["metadata"]["labels"].items()
    namespace = workload["metadata"]["namespace"]
    found = []
    for (kind, place), one in objects.items():
        if kind != "Service" or one["metadata"]["namespace"] != namespace:
            continue
        if one["spec"]["selector"].items() <= labels:
            _require_same_ports(one, container_of(workload))
            found.append(place)
    return found


def _require_same_ports(front: Manifest, container: Mapping[str, Any]) -> None:
    """Refuses a Service that maps ports: in Compose its name resolves to the container itself."""
    named = {one["name"]: one["containerPort"] for one in container.get("ports", ())}
    for one in front["spec"]["ports"]:
        target = one.get("targetPort", one["port"])
        if named.get(target, target) != one["port"]:
            raise CommandError(
                f"Service {front['metadata']['name']}: port {one['port']} is {target} of its pods",
                remedy="use the same number for both",
            )


def _address(place: str) -> str:
    namespace, _, name = place.partition("/")
    return service_host(name, namespace)


def _publish(
    services: Mapping[str, dict[str, Any]], objects: Mapping[tuple[str, str], Manifest], one: Published
) -> None:
    if ("Service", one.place) not in objects:
        raise CommandError(
            f"Service {one.place}: not deployed, although its port is published",
            remedy="translate it in cli/otel_mesh_cli/compose",
        )
    name = next(
        name for name, made in services.items() if _address(one.place) in made["networks"]["default"]["aliases"]
    )
    mapping = f"127.0.0.1:${{{one.variable}:-{one.default}}}:{one.port}"
    services[name].setdefault("ports", []).append(mapping)


def _depend(services: Mapping[str, dict[str, Any]]) -> None:
    """Starts each service after those that it calls are healthy; of two that call each other, one does not wait."""
    addresses = {alias: name for name, made in services.items() for alias in made["networks"]["default"]["aliases"]}
    for name, made in sorted(services.items()):
        text = "\n".join([*made["environment"].values(), *made.get("command", ()), *made.get("entrypoint", ())])
        called = {other for alias, other in addresses.items() if re.search(rf"\b{re.escape(alias)}\b", text)}
        waits: dict[str, Any] = {}
        for other in sorted(called - {name}):
            if not _waits_for(services, other, name):
                condition = "service_healthy" if "healthcheck" in services[other] else "service_started"
                waits[other] = {"condition": condition}
                made["depends_on"] = waits
        if "volumes" in made:
            made["depends_on"] = {**waits, OWNER: {"condition": "service_completed_successfully"}}


def _waits_for(services: Mapping[str, dict[str, Any]], waiting: str, awaited: str) -> bool:
    """Whether a service waits for another, directly or through others."""
    direct = services.get(waiting, {}).get("depends_on", {})
    return any(one == awaited or _waits_for(services, one, awaited) for one in direct)


def _volume_owner(volumes: Mapping[str, str]) -> dict[str, Any]:
    """The service that changes the volumes' owners: Docker creates them for root, Kubernetes has ``fsGroup``."""
    commands = [f"chown {user}:{user} /volumes/{name}" for name, user in sorted(volumes.items())]
    return {
        "image": BUSYBOX_IMAGE,
        "command": ["sh", "-c", " && ".join(commands)],
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "cap_add": ["CHOWN"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "no",
        "volumes": [{"type": "volume", "source": name, "target": f"/volumes/{name}"} for name in sorted(volumes)],
    }


def _escaped(value: Any) -> Any:  # noqa: ANN401 - any part of a service
    """A value with dollar signs escaped, which Compose would read as its own variables."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [_escaped(one) for one in value]
    return {key: _escaped(one) for key, one in value.items()} if isinstance(value, dict) else value
