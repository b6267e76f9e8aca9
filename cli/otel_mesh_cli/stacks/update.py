"""`pulumi up` of a stack: its progress in lines, its failure in one line, all output in a log."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import time
from functools import cache
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import last_line
from otel_mesh_cli.stacks import (
    definitions,
    drift,
    engine_processes,
    failed_creations,
    pulumi_cli,
    recovery,
    stack_lock,
    unchanged,
)
from otel_mesh_cli.validation import before_update

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from otel_mesh_cli.stacks.pulumi_cli import Workspace

LOCK_PATIENCE_S = 60.0
"""Time to wait for another update that is running; one whose `otel-mesh up` was killed has been cancelled by then."""

_DONE = "created|updated|deleted|replaced"
_LINE = re.compile(
    r"^ *(?:\+|~|-|\+\+|\+-|--) +kubernetes:\S+:(?P<kind>\w+) (?P<name>\S+) "
    rf"(?:(?P<done>{_DONE}) |(?P<doing>\w+ing) \((?P<seconds>\d+)s\))"
)
"""A line of the CLI's plain progress about a Kubernetes object."""
_CONSEQUENCES = ("error: update failed", "grpc: the client connection is closing")
"""Ends of errors that only tell that another one ended the update."""
_LOCKED = "the stack is currently locked by"
_PATIENCE_S = 10
"""Operations that take longer are reported again and again."""


def summarized(line: str) -> str | None:
    """A line of the CLI's progress in short, if it reports a finished operation or one that takes long; else None."""
    match = _LINE.match(line)
    if match is None:
        return None
    if match["done"]:
        return f"{match['done']} {match['kind']} {match['name']}"
    seconds = int(match["seconds"])
    if seconds < _PATIENCE_S or seconds % _PATIENCE_S:
        return None
    return f"{match['doing']} {match['kind']} {match['name']}, {seconds} s so far"


def up(
    workspace: Workspace,
    stack: str,
    tools: Path,
    progress: Callable[[str], None],
    listed: drift.Lister | None = None,
) -> Mapping[str, int]:
    """Bring a stack to its program's state, whatever happened to its objects and to the previous update.

    Args:
        workspace: Workspace of the stack.
        stack: Name of the stack.
        tools: Folder of the programs.
        progress: Called with each step.
        listed: Lists the cluster's objects at a path of the API. With it the engine refreshes its state only if an
            object was changed since the last refresh, and does not run at all if the program's inputs are unchanged
            too; without it, the engine always runs and refreshes.

    Returns:
        Numbers of resources by operation, as the CLI counts them.

    Raises:
        CommandError: Another update holds the stack, a program refuses its configuration, or this update failed; it
            names the resource and the reason.
    """
    pulumi_cli.ensure_stack(workspace, stack, tools)
    log = workspace.logs / f"pulumi-{stack}.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    end = time.monotonic() + LOCK_PATIENCE_S
    is_validated = False
    while True:
        _wait_for_lock(workspace.backend, stack, progress)
        if ended := engine_processes.end_abandoned(workspace.project, stack):
            progress(f"ended processes of a killed update: {', '.join(sorted(ended))}")
        workspace.remove_abandoned()
        recovery.settle(workspace, stack, tools, progress)
        # The refresh finds what other people changed or deleted.
        file = workspace.state_file(stack)
        state = drift.state(file) if file is not None else {}
        inputs = unchanged.fingerprint(workspace, stack, tools)
        look = cache(listed) if listed else None  # both questions are about the same moment: each kind is listed once
        if look and unchanged.is_recorded(workspace, stack, inputs, drift.versions(state, look)):
            return {"same": len(state["resources"])}
        if not is_validated:
            before_update.refuse_broken(workspace, stack, progress)
            is_validated = True
        untouched = look is not None and bool(state) and drift.is_untouched(state, look)
        unchanged.forget(workspace, stack)
        definitions.before_update(workspace, stack, tools)
        code = _run(workspace, stack, tools, log, progress, refresh=not untouched)
        # the CLI of a killed run may take the lock between our check and our CLI's
        if not (code and _LOCKED in log.read_text() and time.monotonic() < end):
            break
    if code < 0:
        raise CommandError(
            f"stack {stack}: pulumi was killed by {signal.Signals(-code).name}",
            remedy="run it again, it continues from there",
            log=log,
        )
    if code:
        raise CommandError(f"stack {stack}: {reason(log.read_text())}", remedy="fix that and run it again", log=log)
    workspace.event_log(stack).unlink(missing_ok=True)
    if listed and file is not None:
        unchanged.remember(workspace, stack, inputs, drift.versions(drift.state(file), listed))
    newest = ["stack", "history", "--stack", stack, "--json", "--page-size", "1"]
    return counts(pulumi_cli.run(workspace, tools, newest).stdout)


def _run(  # noqa: PLR0913 -- all parts of a run
    workspace: Workspace, stack: str, tools: Path, log: Path, progress: Callable[[str], None], *, refresh: bool
) -> int:
    """Run the CLI's `up` and return its exit status."""
    # When this process is killed, the CLI is asked to cancel: it then saves its state and releases its lock.
    command = ["setpriv", "--pdeathsig", "INT", str(tools / "pulumi"), "-C", str(workspace.project)]
    command += ["up", "--stack", stack, *(["--refresh"] if refresh else []), "--yes", "--skip-preview"]
    command += ["--non-interactive", "--color", "never", "--suppress-outputs"]
    command.append(f"--event-log={workspace.event_log(stack)}")
    with (
        log.open("w") as stream,
        workspace.process_environment(tools) as environment,
        subprocess.Popen(
            command,
            env={**environment, **failed_creations.VARIABLES, **engine_processes.mark(workspace.project, stack)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101 -- asked for above; for the type checker
        said = None
        for line in process.stdout:
            stream.write(line)
            stream.flush()
            if (text := summarized(line)) not in (None, said):
                said = text
                progress(str(text))
    if process.returncode < 0:
        engine_processes.end_abandoned(workspace.project, stack)
    return process.returncode


def counts(history: str) -> Mapping[str, int]:
    """Numbers of resources by operation of the newest update in `pulumi stack history --json`."""
    updates = json.loads(history)
    changes: Mapping[str, int] = updates[0].get("resourceChanges") or {} if updates else {}
    return changes


def reason(output: str) -> str:
    """First error about a resource in the CLI's diagnostics, on one line."""
    lines = output[output.find("Diagnostics:") + 1 :].splitlines()
    errors = [number for number, line in enumerate(lines) if line.strip().startswith("error:")]
    specific = [number for number in errors if not lines[number].strip().endswith(_CONSEQUENCES)] or errors
    if not specific:
        return last_line(output) or "no output"
    first = specific[0]
    more = itertools.takewhile(lambda line: line.startswith("    ") and line.strip(), lines[first + 1 : first + 4])
    return " ".join([lines[first].strip().removeprefix("error:").strip(), *(line.strip() for line in more)])


def _wait_for_lock(backend: Path | None, stack: str, progress: Callable[[str], None]) -> None:
    if backend is None:
        return  # the user's own backend: the CLI reports who holds the lock
    end = time.monotonic() + LOCK_PATIENCE_S
    is_reported = False
    while held := stack_lock.clear_stale(backend, pulumi_cli.project_name(), stack):
        if time.monotonic() > end:
            raise CommandError(
                f"stack {stack}: an update holds it ({'; '.join(map(str, held))})",
                remedy="wait for that process or end it, then try again",
            )
        if not is_reported:
            progress(f"waiting for an update that still runs: {held[0]}")
            is_reported = True
        time.sleep(0.2)
