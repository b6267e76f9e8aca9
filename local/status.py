"""`make status`: one screen that says what is true now, looked at afresh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from local import cluster, health
from local.addresses import ADDRESSES, COLUMN
from local.node.api import Api
from local.node.layout import layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

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


def pods(api: Api, namespaces: Iterable[str] = health.NAMESPACES) -> list[Pod]:
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
        # what ended as it should, as a Job's pod does, is all that it will ever be
        status["phase"] == "Succeeded" or (bool(containers) and all(container["ready"] for container in containers)),
        sum(container["restartCount"] for container in containers),
        "Terminating" if "deletionTimestamp" in item["metadata"] else ", ".join(dict.fromkeys(reasons)),
    )


def show(console: Console) -> int:
    """Print the screen, whose last line sums it up, and return the exit status: 0 healthy, 1 trouble, 3 stopped."""
    now = cluster.status()
    if not now.programs:
        console.print("node: stopped; `make up` starts it")
        return _STOPPED
    console.print(
        f"node: {'running' if now.is_running else 'NOT WHOLE'}, {now.memory / 2**20:.0f} MiB in pods and programs"
    )
    programs = [f"{program.name} {program.pid or '[red]MISSING[/red]'}" for program in now.programs]
    console.print(f"processes: {', '.join(programs)}", highlight=False)
    if now.is_api_ready:
        table = Table("namespace", "pod", "ready", "restarts", "state", box=None, pad_edge=False)
        for pod in pods(Api(layout())):
            style = "" if pod.ready else "red"
            table.add_row(
                pod.namespace, pod.name, "yes" if pod.ready else "no", str(pod.restarts), pod.reason, style=style
            )
        console.print(table)
    for address in ADDRESSES:
        place = address.page or address.url
        console.print(f"{address.name:<{COLUMN}}{place}  {health.answers(address)}", highlight=False)
    found = health.problems(now)
    for problem in found[1:]:
        console.print(f"[red]also:[/red] {escape(problem.message)}", highlight=False, soft_wrap=True)
    if found:
        console.print(f"[red]NOT HEALTHY:[/red] {escape(str(found[0]))}", highlight=False, soft_wrap=True)
        return _TROUBLE
    console.print("healthy: everything is as the last `make up` left it")
    return 0
