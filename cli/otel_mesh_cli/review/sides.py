"""The two sides of a comparison: a commit, and the checkout. Each program runs with its own library and settings.

The commit is unpacked into a temporary folder; the checkout, its index and its branches stay as they are.
"""

from __future__ import annotations

import io
import json
import os
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
    from collections.abc import Iterable, Mapping, Sequence

_FOLDERS: Final = ("components", "infra")
"""Folders of a commit that its program is made of."""
_MOST_FILES: Final = 20
"""Number of changed files of the program whose lines are looked at."""
_ABBREV: Final = 12
"""Digits of a commit in a report. Git's own choice grows with the clone, and the same commits give the same report."""


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
        is_hash = reference.startswith(short) or short.startswith(reference)
        name = short if is_hash else f"{reference} ({short})"
        file = f"Pulumi.{stack}.yaml"
        if file not in _git(["ls-tree", "--name-only", short], place).decode().split():
            return Side(name, Version(()), {}), after.result()  # the stack is new: everything is created
        with tarfile.open(
            fileobj=io.BytesIO(_git(["archive", short, "Pulumi.yaml", file, *_FOLDERS], place))
        ) as packed:
            packed.extractall(folder, filter="data")
        before = read(Path(folder), stack, name, place)
        changed = _changed(short, place)
        old, new = (_texts(root, changed) for root in (Path(folder), repo_dir()))
        return _with_sources(before, old), _with_sources(after.result(), new)


def _changed(commit: str, place: str) -> list[str]:
    """Files of the program that differ from a commit, without new ones that git does not know."""
    names = _git(["diff", "--name-only", "--relative", commit, "--", *_FOLDERS], place).decode().splitlines()
    return [name for name in names if name.endswith(".py")][:_MOST_FILES]


def _texts(folder: Path, names: Iterable[str]) -> dict[str, str]:
    found = {name: folder / name for name in names}
    return {name: one.read_text(encoding="utf-8", errors="replace") for name, one in found.items() if one.is_file()}


def _with_sources(side: Side, texts: Mapping[str, str]) -> Side:
    return replace(side, sources={**texts, **side.sources})


def read(folder: Path, stack: str, name: str, place: str, variables: Mapping[str, str] | None = None) -> Side:
    """The side of a folder with a program, by the library in the same folder.

    Args:
        folder: Folder with ``Pulumi.yaml``, the stack's file, ``components`` and ``infra``.
        stack: Name of the stack.
        name: What the side is called.
        place: What a message names if the program cannot be run.
        variables: Variables for the program, such as that of an image file; none of a secret.

    Raises:
        CommandError: The program cannot be run, or rejects its settings.
    """
    found = run(
        [sys.executable, "-m", program.__name__, stack, json.dumps(variables or {})],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(folder / one) for one in _FOLDERS)},
    )
    if not found.ok:
        raise CommandError(f"{place}: {found.stderr.strip() or found.reason}", remedy="then review again")
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
