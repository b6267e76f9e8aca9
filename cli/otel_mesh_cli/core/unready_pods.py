"""Why pods are not ready, in words that name the pod, the container and the reason."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_mesh_cli.core.pod_sources import PodSource

_HARMLESS = ("ContainerCreating", "PodInitializing")


def explain_unready(source: PodSource, namespaces: Iterable[str]) -> list[str]:
    """One line for each container that keeps its pod from being ready.

    Args:
        source: knows the cluster's pods.
        namespaces: where to look.

    Raises:
        CommandError: the API server does not answer.
    """
    found = []
    for namespace in namespaces:
        unready = [pod for pod in source.listed(namespace, "pods") if not is_settled(pod)]
        events = source.listed(namespace, "events") if unready else []
        for pod in unready:
            for container, text in reasons(pod, events):
                log = _last_line(source, pod, container) if container else ""
                found.append(f"pod {namespace}/{pod['metadata']['name']}{text}{log}")
    return found


@contextmanager
def explained(stack: str, source: PodSource, namespaces: Iterable[str]) -> Iterator[None]:
    """Put the pods that are not ready, with their reasons, in the place of a failure that they caused.

    Args:
        stack: whose pods they are.
        source: as `explain_unready` takes it, like the namespaces.
        namespaces: where to look.
    """
    try:
        yield
    except CommandError as error:
        causes = explain_unready(source, namespaces)
        if not causes:
            raise
        raise CommandError(f"stack {stack}: {'; '.join(causes)}", remedy=error.remedy, log=error.log) from error


def is_settled(pod: dict[str, Any]) -> bool:
    """Whether a pod is ready or has done its work."""
    if pod["status"].get("phase") == "Succeeded":
        return True
    conditions = pod["status"].get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def reasons(pod: dict[str, Any], events: Sequence[dict[str, Any]]) -> list[tuple[str | None, str]]:
    """What keeps a pod from being ready.

    Args:
        pod: as the API server describes it.
        events: of its namespace.

    Returns:
        Container (None: the pod as a whole) and the words after the pod's name.
    """
    status = pod["status"]
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    found = [(item["name"], f", container {item['name']}: {why}") for item in containers if (why := _why(item))]
    named = [item for item in found if not item[1].endswith(_HARMLESS)]
    if named:
        return [(name, text + _event(pod, events, text, name)) for name, text in named]
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return [
                (None, f": {condition.get('reason', 'not scheduled')}: {condition.get('message', '')}".rstrip(": "))
            ]
    whole = status.get("reason") or status.get("phase", "Pending")
    message = f": {status['message']}" if status.get("message") else ""
    return [(None, f": {whole}{message}{_event(pod, events, message)}")]


def _why(container: dict[str, Any]) -> str:
    """The reason for one container; empty when it is as it should be."""
    state = container.get("state", {})
    if "waiting" in state:
        waiting = state["waiting"]
        last = container.get("lastState", {}).get("terminated")
        ended = f" (ended with {_end(last)})" if last else ""
        message = f": {waiting['message']}" if waiting.get("message") and not last else ""
        return f"{waiting.get('reason', 'waiting')}{ended}{message}"
    if "terminated" in state:
        ended = state["terminated"]
        return "" if ended.get("exitCode") == 0 else f"ended with {_end(ended)}"
    if "running" in state and not container.get("ready") and container.get("started") is not None:
        return "running but not ready" if container["started"] else "started, its start-up probe does not succeed yet"
    return ""


def _end(terminated: dict[str, Any]) -> str:
    return f"exit code {terminated.get('exitCode')}, {terminated.get('reason', 'no reason given')}"


def _event(pod: dict[str, Any], events: Sequence[dict[str, Any]], said: str, container: str | None = None) -> str:
    """The newest warning about the pod, or about the container where one is named, that was not said already."""
    about = [
        event
        for event in events
        if event.get("type") == "Warning"
        and event.get("reason") != "BackOff"  # says what the container's state says already
        and event.get("involvedObject", {}).get("uid") == pod["metadata"].get("uid")
        and (container is None or f"{{{container}}}" in event["involvedObject"].get("fieldPath", f"{{{container}}}"))
    ]
    about.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    if not about:
        return ""
    message = " ".join(about[-1].get("message", "").split()).rstrip(": ")
    return "" if message.removeprefix("Error: ") in said else f"; {about[-1]['reason']}: {message}"


def _last_line(source: PodSource, pod: dict[str, Any], container: str) -> str:
    """The last thing a container wrote, in its previous run when there is none yet in this one."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    for previous in (False, True):
        if line := source.last_line(namespace, name, container, previous=previous):
            return f"; its last line: {line}"
    return ""
