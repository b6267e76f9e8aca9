"""`make status`: one screen that says what is true now, looked at afresh."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
from rich.table import Table

from local import cluster, preflight, smoke
from local.addresses import ADDRESSES
from local.node import credentials
from local.node.api import Api
from local.node.layout import layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

NAMESPACES = ("kube-system", "observability", "shop")

_STOPPED, _TROUBLE = 3, 1
"""Exit statuses as of `systemctl status`: 0 is healthy, 3 is not running; 1 stands for anything in between."""


@dataclass(frozen=True)
class Pod:
    """A line about a pod."""

    namespace: str
    name: str
    ready: bool
    restarts: int
    reason: str


def pods(api: Api, namespaces: Iterable[str] = NAMESPACES) -> list[Pod]:
    """The pods of the platform's namespaces, as the API server has them."""
    found = []
    for namespace in namespaces:
        answer: dict[str, Any] = api.get(f"/api/v1/namespaces/{namespace}/pods") or {"items": []}
        found += [_pod(item) for item in answer["items"]]
    return found


def _pod(item: dict[str, Any]) -> Pod:
    status = item["status"]
    containers = status.get("containerStatuses") or []
    states = [state for container in containers for state in container["state"].items() if state[0] != "running"]
    reasons = [detail.get("reason", name) for name, detail in states] or [status.get("reason", status["phase"])]
    return Pod(
        item["metadata"]["namespace"],
        item["metadata"]["name"],
        bool(containers) and all(container["ready"] for container in containers),
        sum(container["restartCount"] for container in containers),
        "Terminating" if "deletionTimestamp" in item["metadata"] else ", ".join(dict.fromkeys(reasons)),
    )


def answers(url: str) -> str:
    """What an address says when asked now: ``answers``, a status code, or why there was no answer."""
    try:
        with smoke.client() as http:
            code = http.get(url, timeout=3).status_code
    except httpx.HTTPError as error:
        return f"no answer ({type(error).__name__})"
    return "answers" if code == HTTPStatus.OK else f"answers {code}"


def show(console: Console) -> int:
    """Print the screen and return the exit status: 0 healthy, 1 something is wrong, 3 stopped."""
    now = cluster.status()
    if not now.programs:
        console.print("node: stopped; `make up` starts it")
        return _STOPPED
    untimely = credentials.untimely(layout())
    healthy = now.is_running and not untimely
    console.print(f"node: {'running' if healthy else 'NOT WHOLE'}, {now.memory / 2**20:.0f} MiB in pods and programs")
    programs = [f"{program.name} {program.pid or '[red]MISSING[/red]'}" for program in now.programs]
    console.print(f"processes: {', '.join(programs)}", highlight=False)
    for error in preflight.full_disk(layout().state, shutil.disk_usage(layout().state).free):
        healthy = False
        console.print(f"[red]{error}[/red]", highlight=False)
    for name, reason in untimely.items():
        console.print(f"[red]certificate {name}:[/red] {reason}; `make up` renews it", highlight=False)
    if now.is_api_ready:
        table = Table("namespace", "pod", "ready", "restarts", "state", box=None, pad_edge=False)
        for pod in pods(Api(layout())):
            healthy &= pod.ready
            style = "" if pod.ready else "red"
            table.add_row(
                pod.namespace, pod.name, "yes" if pod.ready else "no", str(pod.restarts), pod.reason, style=style
            )
        console.print(table)
        for cause in cluster.explain_unready(layout().kubeconfig, NAMESPACES):
            console.print(f"[red]not ready:[/red] {cause}", highlight=False)
    for address in ADDRESSES:
        said = answers(f"{address.url}{address.ready_path}")
        healthy &= said == "answers"
        console.print(f"{address.name:<11}{address.url}  {said}", highlight=False)
    return 0 if healthy else _TROUBLE
