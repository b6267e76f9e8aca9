"""The two sides of a comparison: a commit, and the checkout. Each program runs with its own library and settings.

The commit is unpacked into a temporary folder; the checkout, its index and its branches stay as they are. Of a commit
whose program this command cannot run, such as one of an older library, the checkout's program reads the settings.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.core.run import run
from otel_mesh_cli.review import program
from otel_mesh_cli.review.model import Version
from otel_mesh_cli.review.report import Side
from otel_mesh_cli.stacks import stack_file

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_FOLDERS: Final = ("components", "infra")
"""Folders of a commit that its program is made of."""
_OTHER_PROGRAM: Final = (
    "Changes of the catalog, the program and the library: this command cannot run the base's program ({reason}), so"
    " the checkout's program has read the base's settings."
)
_MOST_FILES: Final = 20
"""Number of changed files of the program whose lines are looked at."""
_ABBREV: Final = 12
"""Digits of a commit in a report. Git's own choice grows with the clone, and the same commits give the same report."""


class ProgramError(CommandError):
    """A program that cannot be run, other than for its settings.

    Args:
        place: What the message names.
        text: What the program says.
        reason: The same in one line.
    """

    def __init__(self, place: str, text: str, reason: str) -> None:
        super().__init__(f"{place}: {text}", remedy="then review again")
        self.reason = reason


def both(reference: str, stack: str) -> tuple[Side, Side]:
    """The side of a commit, and that of the checkout with changes that are not committed.

    Args:
        reference: Commit, branch or tag.
        stack: Name of the stack.

    Raises:
        CommandError: There is no such commit or stack, or a program rejects its settings.
    """
    place = f"--against {reference}"
    commit = ["--verify", "--quiet", f"{reference}^{{commit}}"]
    short = _git(["rev-parse", f"--short={_ABBREV}", *commit], place).decode().strip()
    stack_file.require(stack)
    described = _git(["describe", "--always", "--dirty", f"--abbrev={_ABBREV}"], place).decode().strip()
    with ThreadPoolExecutor() as pool, tempfile.TemporaryDirectory(prefix="otel-mesh-review-") as folder:
        after = pool.submit(read, repo_dir(), stack, described, f"stack {stack}")
        date = _date(place)
        is_hash = reference.startswith(short) or short.startswith(reference)
        name = short if is_hash else f"{reference} ({short})"
        file = f"Pulumi.{stack}.yaml"
        present = _git(["ls-tree", "--name-only", short], place).decode().splitlines()
        if file not in present:  # the stack is new: everything is created
            return Side(name, Version(()), {}), replace(after.result(), date=date)
        parts = [one for one in ("Pulumi.yaml", file, *_FOLDERS) if one in present]
        with tarfile.open(fileobj=io.BytesIO(_git(["archive", short, *parts], place))) as packed:
            packed.extractall(folder, filter="data")
        try:
            _require_folders(present, place)
            before = read(Path(folder), stack, name, place)
        except ProgramError as error:
            return _by_checkout(Path(folder), file, (stack, name, place), replace(after.result(), date=date), error)
        changed = _changed(short, place)
        old, new = (_texts(root, changed) for root in (Path(folder), repo_dir()))
        return _with_sources(before, old), _with_sources(replace(after.result(), date=date), new)


def _require_folders(present: Collection[str], place: str) -> None:
    """Refuse a commit without a folder of the program: Python would import the installed one in its place."""
    for one in _FOLDERS:
        if one not in present:
            reason = f"it has no folder {one}"
            raise ProgramError(place, reason, reason)


def _by_checkout(
    folder: Path, file: str, named: tuple[str, str, str], after: Side, error: ProgramError
) -> tuple[Side, Side]:
    """Both sides where the checkout's program reads the settings of the base."""
    stack, name, place = named
    (folder / "infra/otel_mesh_stack").mkdir(parents=True, exist_ok=True)  # by which a program knows its folder
    shutil.copy(repo_dir() / "Pulumi.yaml", folder)
    place += f", read by the checkout's program as its own fails ({error.reason})"
    found = read(folder, stack, name, place, program_of=repo_dir())
    sources = {**after.sources, file: found.sources[file]}
    return replace(found, sources=sources, unchecked=(_OTHER_PROGRAM.format(reason=error.reason),)), after


def _date(place: str) -> str:
    """Time of the checked-out commit in UTC: the report of the same commits is the same whenever it is made."""
    seconds = int(_git(["show", "--no-patch", "--format=%ct", "HEAD"], place))
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _changed(commit: str, place: str) -> list[str]:
    """Files of the program that differ from a commit, without new ones that git does not know."""
    names = _git(["diff", "--name-only", "--relative", commit, "--", *_FOLDERS], place).decode().splitlines()
    return [name for name in names if name.endswith(".py")][:_MOST_FILES]


def _texts(folder: Path, names: Iterable[str]) -> dict[str, str]:
    found = {name: folder / name for name in names}
    return {name: one.read_text(encoding="utf-8", errors="replace") for name, one in found.items() if one.is_file()}


def _with_sources(side: Side, texts: Mapping[str, str]) -> Side:
    return replace(side, sources={**texts, **side.sources})


def read(  # noqa: PLR0913 - what a program is run with
    folder: Path,
    stack: str,
    name: str,
    place: str,
    variables: Mapping[str, str] | None = None,
    *,
    program_of: Path | None = None,
) -> Side:
    """The side of a folder with a program, by the library in the same folder.

    Args:
        folder: Folder with ``Pulumi.yaml``, the stack's file, ``components`` and ``infra``.
        stack: Name of the stack.
        name: What the side is called.
        place: What a message names if the program cannot be run.
        variables: Variables for the program, such as that of an image file; none of a secret.
        program_of: Folder of the program and the library, if it is another one.

    Raises:
        ProgramError: The program cannot be run.
        CommandError: The program rejects its settings.
    """
    found = run(
        [sys.executable, "-m", program.__name__, stack, json.dumps(variables or {})],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str((program_of or folder) / one) for one in _FOLDERS)},
    )
    if found.code == program.REFUSED:
        raise CommandError(f"{place}: {found.stderr.strip()}", remedy="then review again")
    if not found.ok:
        raise ProgramError(place, found.stderr.strip() or found.reason, found.reason)
    data = json.loads(found.stdout)
    return Side(name, Version(tuple(data["objects"]), data["environment"]), data["sources"])


def content(reference: str, path: str) -> str | None:
    """The text of a file in a commit; None if the commit does not have it.

    Args:
        reference: Commit, branch or tag.
        path: Path in the repository.

    Raises:
        CommandError: There is no such commit.
    """
    place = f"--against {reference}"
    if not _git(["ls-tree", "--name-only", reference, path], place):
        return None
    return _git(["show", f"{reference}:./{path}"], place).decode(errors="replace")


def _git(words: Sequence[str], place: str) -> bytes:
    command = ["git", "-C", str(repo_dir()), *words]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        raise CommandError("git: not on PATH", remedy="install it") from None
    if done.returncode:
        remedy = "name a commit, branch or tag that this clone has"
        raise CommandError(f"{place}: no such commit in {repo_dir()}", remedy=remedy)
    return done.stdout
