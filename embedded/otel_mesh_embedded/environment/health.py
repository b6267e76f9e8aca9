"""Problems of the running environment with their remedies, causes before consequences."""

from __future__ import annotations

import shutil
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.unready_pods import explain_unready
from otel_mesh_cli.smoke import demonstration, request
from otel_mesh_cli.stacks import drift, local_stack, recovery, sidecars
from otel_mesh_cli.stacks.addresses import ADDRESSES
from otel_mesh_embedded.environment import workspace
from otel_mesh_embedded.node import cluster
from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.layout import LOOPBACK, layout
from otel_mesh_embedded.node.machine import ports, preflight
from otel_mesh_embedded.node.node import registry
from otel_mesh_embedded.pki import credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh_cli.stacks.addresses import Address
    from otel_mesh_embedded.node.cluster import Status

ANSWERS = "answers"
"""Result of `answers` for a healthy address."""

NAMESPACES: Final = local_stack.pod_namespaces()
"""Namespaces with pods, read at once: invalid settings of the stack are told before all that follows from them."""
_STACK = "local"
_UP = "run `otel-mesh up`, it puts that right"
_NO_ROOM = 16 * 1024**2
_FULL = "no space left on device"


def problems(now: Status) -> list[CommandError]:
    """Problems of the environment; none if everything is as the last `otel-mesh up` left it."""
    cluster_says = [*_volumes(), *_stack()] if now.is_api_ready else []
    where = layout().state
    full = preflight.full_disk(where, shutil.disk_usage(where).free)
    return [*full, *_node(now), *cluster_says, *_addresses()]


def require_running() -> None:
    """Refuse a command at once that would wait for a stopped environment."""
    if not cluster.status().programs:
        raise CommandError("node: stopped", remedy="run `otel-mesh up`")


def checked() -> demonstration.Result:
    """The smoke check, as of `demonstration.run`; a failure names its likely cause."""
    try:
        return demonstration.run()
    except CommandError as error:
        raise explained(error) from error


def explained(error: CommandError) -> CommandError:
    """A failure together with its likely cause: the first problem of the environment."""
    found = problems(cluster.status())
    if not found:
        return error
    more = f" (and {len(found) - 1} more: `otel-mesh status`)" if len(found) > 1 else ""
    return CommandError(f"{error.message}; {found[0].message}{more}", remedy=found[0].remedy, log=found[0].log)


def answers(address: Address) -> str:
    """Answer of an address now: ``answers``, a status code, or why there was none."""
    try:
        with request.client() as http:
            code = http.get(f"{address.url}{address.ready_path}", timeout=3, headers=request.UNSAMPLED).status_code
    except httpx.HTTPError as error:
        return f"no answer ({type(error).__name__})"
    return ANSWERS if code == HTTPStatus.OK else f"{ANSWERS} {code}"


def _node(now: Status) -> Iterator[CommandError]:
    for name, reason in credentials.untimely(layout()).items():
        yield CommandError(f"certificate {name}: {reason}", remedy="run `otel-mesh up`, it renews it")
    for program in now.programs:
        if program.pid is None:
            yield CommandError(f"node: {program.name} does not run", remedy=_UP)
    if not now.is_api_ready:
        yield CommandError("node: the API server does not answer", remedy=_UP)


def _volumes() -> Iterator[CommandError]:
    """Full volumes, whose owners may go on answering while they lose data."""
    for item in Api(layout()).items("/api/v1/persistentvolumes"):
        claim = item["spec"].get("claimRef")
        folder = Path((item["spec"].get("local") or item["spec"].get("hostPath") or {}).get("path", ""))
        if claim and folder.is_absolute() and folder.is_dir() and shutil.disk_usage(folder).free < _NO_ROOM:
            yield CommandError(
                f"volume of {claim['namespace']}/{claim['name']} ({folder}): no space left on it",
                remedy="free space on its disk, then run `otel-mesh up`",
            )


def _stack() -> Iterator[CommandError]:
    file = workspace.local().state_file(_STACK)
    assert file is not None  # noqa: S101 -- the embedded one's backend is a folder
    state = drift.state(file)
    if not state.get("resources"):
        yield CommandError(f"stack {_STACK}: nothing is deployed", remedy="run `otel-mesh up`")
    if unfinished := state.get("pending_operations"):
        yield CommandError(
            f"stack {_STACK}: an update was interrupted while {', '.join(map(recovery.describe, unfinished))}",
            remedy="run `otel-mesh up`, it goes on from there",
        )
    for difference in drift.differences(state, Api(layout()).get):
        yield CommandError(f"stack {_STACK}: {difference}", remedy=_UP)
    for pod in sidecars.without_sidecar(Api(layout()).items):
        yield CommandError(f"pod {'/'.join(pod)}: without its sidecar", remedy=f"run `{sidecars.remedy(*pod)}`")
    for cause in explain_unready(Api(layout()), NAMESPACES):
        full = _FULL in cause.lower()
        yield CommandError(cause, remedy="free space on its volume, then run `otel-mesh up`" if full else _UP)


def _addresses() -> Iterator[CommandError]:
    ours = {process.pid for process in registry(layout()).processes()}
    for address in ADDRESSES:
        if foreign := ports.taken([(LOOPBACK, address.port, address.name)], ours):
            yield from preflight.ports_in_use(foreign[:1])
        elif (said := answers(address)) != ANSWERS:
            yield CommandError(f"{address.name} at {address.url}: {said}", remedy=_UP)
