"""Cross-checks of an ordinary workload's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.core.errors import Problem, join_path, nearest
from otel_mesh.k8s.containers import POD_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh.catalog.model import Service
    from otel_mesh.services.ordinary_workload import OrdinaryWorkload

MESH_PORTS: Final = range(15000, 15091)
"""Ports that the proxies of Istio use in each pod."""
_OWN_VOLUMES: Final = ("tmp", "database", "cache", "migrations")
_OWN_CONTAINERS: Final = ("migrate",)
_MESH_NAMES: Final = ("istio-", "linkerd-", "workload-", "credential-")
"""Beginnings of the names of volumes and containers that a mesh adds to the pods."""
_OWN_KEYS: Final = (
    *("app", "version", "app.kubernetes.io/", "pulumi.com/", "otel-mesh.dev/"),
    *("istio.io/", "sidecar.istio.io/", "service.istio.io/", "linkerd.io/", "config.linkerd.io/proxy-injection"),
)
"""Labels and annotations that select the pods or decide whether they are in the mesh."""
_RUN_ONCE: Final = ("ports", "autoscaling", "unhealthy_pod_eviction", "pre_stop_seconds", "pre_stop", "health")
_GRACE: Final = "raise grace_seconds"


def problems_of(given: OrdinaryWorkload) -> Iterator[Problem]:
    """Problems of settings that contradict each other or those of the platform."""
    yield from _containers(given)
    yield from _volumes(given)
    yield from _ports(given)
    yield from _keys(given)
    yield from _termination(given)
    for name in sorted(given.env.keys() & POD_FIELDS.keys()):
        yield Problem(join_path("env", name), "is set by the component", "remove it")
    if given.autoscaling is not None and "replicas" in given.model_fields_set:
        yield Problem("replicas", "the autoscaler sets the number of pods", "remove it, or set autoscaling.min")
    if given.run is None:
        return
    for name in _RUN_ONCE:
        if getattr(given, name):
            kind = "CronJob" if given.run.schedule else "Job"
            yield Problem(name, f"has no meaning for a {kind}", "remove it, or 'run'")
    if given.run.schedule is None and given.run.time_zone is not None:
        yield Problem("run.time_zone", "has an effect with a schedule only", "remove it")


def _containers(given: OrdinaryWorkload) -> Iterator[Problem]:
    seen: set[str] = set()
    for place in ("init_containers", "sidecars"):
        for index, one in enumerate(getattr(given, place)):
            path = join_path(place, index)
            if one.name in seen:
                yield Problem(f"{path}.name", f"'{one.name}' is listed twice", "give each its own name")
            if one.name in _OWN_CONTAINERS or one.name.startswith(_MESH_NAMES):
                yield Problem(f"{path}.name", f"'{one.name}' is reserved", "give it another name")
            if one.health is not None and place == "init_containers":
                yield Problem(f"{path}.health", "has no meaning for a container that ends", "remove it")
            elif one.health is not None:
                yield from _check_ports(one.health.model_dump(exclude_none=True), f"{path}.health")
            seen.add(one.name)


def _check_ports(health: dict[str, object], path: str) -> Iterator[Problem]:
    for name, check in health.items():
        if isinstance(check, dict) and not check.get("command") and "port" not in check:
            yield Problem(f"{path}.{name}.port", "required but missing", "name the port of the container")


def _volumes(given: OrdinaryWorkload) -> Iterator[Problem]:
    for name in given.volumes:
        if name in _OWN_VOLUMES or name.startswith(_MESH_NAMES):
            yield Problem(join_path("volumes", name), "is a reserved name", "give it another name")
    mounted = set()
    everyone = [("", given.mounts)]
    for place in ("init_containers", "sidecars"):
        everyone += [(join_path(place, index), one.mounts) for index, one in enumerate(getattr(given, place))]
    for where, mounts in everyone:
        paths: set[str] = set()
        for index, one in enumerate(mounts):
            place = join_path(where, "mounts", index)
            mounted.add(one.volume)
            if one.volume not in given.volumes:
                yield Problem(f"{place}.volume", f"'{one.volume}' is not a volume", nearest(one.volume, given.volumes))
            if one.path.rstrip("/") in paths or (not where and one.path.rstrip("/") == "/tmp"):  # noqa: S108 - a path in the container
                yield Problem(f"{place}.path", "is mounted already", "choose another path")
            paths.add(one.path.rstrip("/"))
    for name in given.volumes:
        if name not in mounted:
            yield Problem(join_path("volumes", name), "is not mounted", "add it to 'mounts', or remove it")


def _ports(given: OrdinaryWorkload) -> Iterator[Problem]:
    names, numbers = set[str](), set[int]()
    for index, one in enumerate(given.ports):
        path = join_path("ports", index)
        if one.name in names:
            yield Problem(f"{path}.name", f"'{one.name}' is listed twice", "give each its own name")
        if one.number in numbers:
            yield Problem(f"{path}.number", f"{one.number} is listed twice", "remove one")
        if one.number in MESH_PORTS:
            yield _reserved(f"{path}.number", one.number)
        names.add(one.name)
        numbers.add(one.number)


def _reserved(path: str, number: int) -> Problem:
    return Problem(path, f"{number} is a port of the mesh's proxy", "use one outside 15000-15090")


def _keys(given: OrdinaryWorkload) -> Iterator[Problem]:
    places: dict[str, Mapping[str, object]] = {
        "pod_labels": given.pod_labels,
        "pod_annotations": given.pod_annotations,
        "account.labels": given.account.labels,
    }
    for place, keys in places.items():
        for key in keys:
            if any(key == own or (own.endswith("/") and key.startswith(own)) for own in _OWN_KEYS):
                yield Problem(join_path(place, key), "is set by the component or the mesh", "remove it")


def _termination(given: OrdinaryWorkload) -> Iterator[Problem]:
    if given.pre_stop and given.pre_stop_seconds is not None:
        yield Problem("pre_stop", "is given beside pre_stop_seconds", "remove one")
    if given.pre_stop_seconds is not None and given.pre_stop_seconds >= given.grace_seconds:
        yield Problem("pre_stop_seconds", f"leaves no time before SIGKILL after {given.grace_seconds} s", _GRACE)


def workload_problems(given: OrdinaryWorkload, service: Service, own: frozenset[str]) -> Iterator[Problem]:
    """Problems of settings that contradict the service's entry in the catalog.

    Args:
        given: Settings of the service's workload.
        service: Entry in the catalog.
        own: Environment variables that the component sets.
    """
    for name in sorted((own - POD_FIELDS.keys()) & given.env.keys()):
        yield Problem(join_path("env", name), "is set by the component", "remove it")
    for index, one in enumerate(given.ports):
        path = join_path("ports", index)
        if one.name == service.protocol:
            yield Problem(f"{path}.name", f"'{one.name}' is the service's own port", "give it another name")
        if one.number == service.port:
            yield Problem(f"{path}.number", f"{one.number} is the service's own port", "use another number")
    for place in ("init_containers", "sidecars"):
        for index, further in enumerate(getattr(given, place)):
            if further.name == service.name:
                path = join_path(place, index, "name")
                yield Problem(path, f"'{further.name}' is the service's own container", "give it another name")
    if given.run is not None and service.exposed:
        yield Problem("run", "an exposed service must run all the time", "remove it")
    if given.run is not None and service.versions:
        yield Problem("run", "only a Deployment has further versions", "remove it, or the versions")
