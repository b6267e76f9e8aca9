"""`otel-mesh status`: one screen about the environment at this moment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.output import Answer
from otel_mesh_cli.stacks.addresses import ADDRESSES
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from otel_mesh_embedded import toolchain
from otel_mesh_embedded.environment import health
from otel_mesh_embedded.node import cluster
from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.layout import layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from otel_mesh_cli.stacks.addresses import Address

_BESIDE_NAMES = 32
"""Columns that the rest of a pod's line takes, with room for most of a word of its state."""


@dataclass(frozen=True)
class Pod:
    """Row of the table of pods."""

    namespace: str
    name: str
    ready: bool
    restarts: int
    reason: str


def pods(api: Api) -> list[Pod]:
    """The pods of the platform's namespaces, as the API server has them."""
    return [_pod(item) for namespace in health.NAMESPACES for item in api.items(f"/api/v1/namespaces/{namespace}/pods")]


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


def answer() -> Answer:
    """The screen, whose last line sums it up; exit code 0 if healthy, else 1.

    It tells of the node that runs; nothing is fetched or built to find out.
    """
    now = cluster.status()
    if not now.programs:
        return Answer({"node": "stopped"}, lambda console: console.print("node: stopped; `otel-mesh up` starts it"), 1)
    screen = Screen(
        now,
        absent=_absent(),
        pods=pods(Api(layout())) if now.is_api_ready else [],
        addresses=[(address, health.answers(address)) for address in ADDRESSES],
        problems=health.problems(now),
    )
    return Answer(screen.data(), screen.show, 1 if screen.problems else 0)


@dataclass(frozen=True)
class Screen:
    """Content of `otel-mesh status` while the node runs."""

    now: cluster.Status
    absent: str
    """Programs of this checkout that are missing on this machine, as a sentence; empty if none."""
    pods: Sequence[Pod]
    addresses: Sequence[tuple[Address, str]]
    """Addresses with their answers."""
    problems: Sequence[CommandError]

    def data(self) -> dict[str, Any]:
        """The values, for JSON."""
        return {
            "node": "running" if self.now.is_running else "incomplete",
            "healthy": not self.problems,
            "memory_bytes": self.now.memory,
            "missing_programs": self.absent or None,
            "processes": {one.name: one.pid for one in self.now.programs},
            "pods": [asdict(pod) for pod in self.pods],
            "addresses": {one.name: {"url": one.page or one.url, "says": said} for one, said in self.addresses},
            "problems": [{"problem": one.message, "remedy": one.remedy} for one in self.problems],
        }

    def show(self, console: Console) -> None:
        """Print the screen."""
        state = "running" if self.now.is_running else "NOT WHOLE"
        console.print(f"node: {state}, {self.now.memory / 2**20:.0f} MiB in pods and programs")
        if self.absent:
            text = f"programs: {escape(self.absent)}; the node runs on those it was started with"
            console.print(text, highlight=False)
        console.print(processes(self.now), highlight=False)
        if self.now.is_api_ready:
            console.print(pod_table(self.pods, console.width), highlight=False)
        console.print(address_table(self.addresses), highlight=False)
        for problem in self.problems[1:]:
            console.print(f"[red]also:[/red] {escape(problem.message)}", highlight=False, soft_wrap=True)
        if self.problems:
            text = f"[red]NOT HEALTHY:[/red] {escape(str(self.problems[0]))}"
            console.print(text, highlight=False, soft_wrap=True)
        else:
            console.print("healthy: everything is as the last `otel-mesh up` left it")


def _absent() -> str:
    """Programs missing because the checkout has another version than the running node, as a sentence."""
    try:
        toolchain.present(stack_mesh().programs)
    except CommandError as error:
        return str(error)
    return ""


def processes(now: cluster.Status) -> Table:
    """The node's programs with their process numbers, side by side."""
    shown = [Text.assemble(f"{one.name} ", str(one.pid) if one.pid else ("MISSING", "red")) for one in now.programs]
    table = Table("processes", box=None, pad_edge=False, show_header=False)
    table.add_column(ratio=1)
    table.add_row("processes", Columns(shown, padding=(0, 2)))
    return table


def pod_table(found: Sequence[Pod], width: int) -> Table:
    """A row per pod; on a terminal of few columns long reasons and names wrap, and nothing is cut off."""
    names = max((len(pod.namespace) + len(pod.name) for pod in found), default=0)
    whole = ("ready", "restarts", *(("namespace", "pod") if names + _BESIDE_NAMES <= width else ()))
    table = Table(box=None, pad_edge=False)
    for title in ("namespace", "pod", "ready", "restarts", "state"):
        table.add_column(title, overflow="fold", no_wrap=title in whole)
    for pod in found:
        cells = pod.namespace, pod.name, "yes" if pod.ready else "no", str(pod.restarts), pod.reason
        table.add_row(*map(escape, cells), style="" if pod.ready else "red")
    return table


def address_table(found: Iterable[tuple[Address, str]]) -> Table:
    """A row per address with its answer; URLs are never cut off, because people copy them."""
    table = Table(box=None, pad_edge=False)
    for title in ("address", "url", "says"):
        table.add_column(title, overflow="fold", no_wrap=title == "url")
    for address, said in found:
        style = "" if said == health.ANSWERS else "red"
        table.add_row(address.name, address.page or address.url, escape(said), style=style)
    return table
