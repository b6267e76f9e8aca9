"""Prometheus' web page, built from the module that the program is built from, which leaves the page out.

The module has the page's sources with a lock of hashes; pnpm, pinned by its hash, fetches what the lock names from the
npm registry. Without the page everything but looking at Prometheus in a browser works: a machine that cannot reach the
registry gets one line about it and an empty page.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core import child_processes, files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_cli.core.run import run
from otel_mesh_embedded.toolchain import artefacts, golang
from otel_mesh_embedded.toolchain import node as nodes
from otel_mesh_embedded.toolchain.programs import MODULES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from otel_mesh_embedded.toolchain.node import Node

MODULE: Final = "github.com/prometheus/prometheus"
PNPM: Final = "10.34.9"
PNPM_SHA512: Final = "9JtajqD97bRLs8DB1ldQkqU8KVDZW3rRXfEfF5dId6LeOgHAfpNOmyjOcW5RwJqUlixzBtCb4uHksYqMh2L9Mg=="
"""Integrity that ``npm view pnpm@VERSION dist.integrity`` prints."""
_FETCHING: Final = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000")
_UNREACHABLE: Final = re.compile(r"ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|ERR_SOCKET")
_CONNECT: Final = "connect this machine to an npm registry (`npm config set registry`)"
_RETRY_S: Final = 24 * 3600


def prometheus_page(*, built_in: bool = False, refresh: bool = False) -> Path:
    """A tar of ``static/``, which Prometheus serves from its working directory.

    It is built once per version and lock. If it cannot be built, the folder in the tar is empty, one line on stderr
    says why, and the next attempt is made after a day.

    Args:
        built_in: True for programs with a page of their own, as upstream's releases have: the folder is left empty.
        refresh: try again now.

    Raises:
        CommandError: go.sum does not name the module.
    """
    home = cache_dir() / "pages"
    key = _key()
    made, empty = home / f"prometheus-{key}.tar", home / f"prometheus-{key}-none.tar"
    with files.locked(home / ".lock"):
        if built_in:
            return _pack(None, home / "built-in.tar")
        if made.exists():
            return made
        if empty.exists() and not refresh and time.time() - empty.stat().st_mtime < _RETRY_S:
            return empty
        stage = home / ".stage"
        shutil.rmtree(stage, ignore_errors=True)  # left by a killed build
        stage.mkdir()
        try:
            _pack(_build(stage), made)
        except CommandError as error:
            print(
                f"toolchain: Prometheus will have no web page, all else works: {error}; "
                "tried again in a day, or now by `otel-mesh node images --refresh`",
                file=sys.stderr,
                flush=True,
            )
            return _pack(None, empty)
        finally:
            shutil.rmtree(stage)
        empty.unlink(missing_ok=True)
        return made


def _key() -> str:
    """Hash of everything the page is made from; go.sum pins the module, which holds the page's lock."""
    place = MODULES / "prometheus" / "go.sum"
    line = re.search(rf"^{re.escape(MODULE)} \S+ h1:\S+$", place.read_text(), re.MULTILINE)
    if line is None:
        raise CommandError(f"{place}: does not name {MODULE}", remedy="restore the file")
    return files.key_of(json.dumps([line[0], PNPM, PNPM_SHA512]))


def _build(stage: Path) -> Path:
    """The folder ``static`` that a Prometheus without built-in assets serves."""
    place = cache_dir() / "logs" / "build-prometheus-page.log"
    place.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    print("toolchain: Prometheus' page: started", file=sys.stderr, flush=True)
    with place.open("w") as log:
        source = _source(stage)
        found = nodes.find()
        environment = {**found.environment(stage), "npm_config_store_dir": str(stage / "store")}
        environment["PATH"] = f"{stage / 'bin'}{os.pathsep}{environment['PATH']}"

        def logged(words: Sequence[str], folder: Path) -> str:
            return _run(words, folder, environment, log)

        packed = logged([*found.npm, "pack", "--json", *_FETCHING, f"pnpm@{PNPM}"], stage)
        _install_pnpm(stage / json.loads(packed)[0]["filename"], found, stage)
        logged(["pnpm", "install", "--frozen-lockfile", *_FETCHING], source)
        logged(["bash", "build_ui.sh", "--mantine-ui"], source)
    static = source / "static"
    if not (static / "mantine-ui" / "index.html").is_file():
        raise CommandError("Prometheus' page: the build left no index.html", remedy="read the log", log=place)
    print(f"toolchain: Prometheus' page: ready after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return static


def _source(stage: Path) -> Path:
    """A writable copy of the page's sources."""
    source = stage / "ui"
    shutil.copytree(golang.module("Prometheus' page", MODULES / "prometheus", MODULE, stage) / "web" / "ui", source)
    for path in (source, *source.rglob("*")):  # Go's module cache is read-only
        path.chmod(path.stat().st_mode | 0o200)
    return source


def _install_pnpm(archive: Path, node: Node, stage: Path) -> None:
    """Make the command ``pnpm``, which the build's scripts call, out of the registry's file."""
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != PNPM_SHA512:
        raise CommandError(f"pnpm {PNPM}: the registry's file is not the pinned one", remedy="check npm's registry")
    with tarfile.open(archive) as content:
        content.extractall(stage / "pnpm", filter="data")
    command = stage / "bin" / "pnpm"
    command.parent.mkdir()
    script = shlex.join([str(node.command), str(stage / "pnpm" / "package" / "bin" / "pnpm.cjs")])
    command.write_text(f'#!/bin/sh\nexec {script} "$@"\n')
    command.chmod(0o755)


def _run(words: Sequence[str], folder: Path, environment: dict[str, str], log: TextIO) -> str:
    """Standard output of a command; all output goes to the log."""
    log.write(f"$ {' '.join(words)}\n")
    log.flush()
    done = run([*child_processes.prefix(signal.SIGTERM), *words], cwd=folder, env=environment)
    output = done.stdout + done.stderr
    log.write(output)
    if not done.ok:
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        reason = next((line for line in lines if "ERR" in line or "error" in line.lower()), done.reason)
        remedy = _CONNECT if _UNREACHABLE.search(output) else "read the log"
        raise CommandError(f"Prometheus' page: {reason}", remedy=remedy, log=Path(log.name))
    return done.stdout


def _pack(static: Path | None, target: Path) -> Path:
    """A tar that depends on names and content alone."""
    fresh = target.with_suffix(".new")
    with tarfile.open(fresh, "w", format=tarfile.PAX_FORMAT) as archive:
        folder = tarfile.TarInfo("static")
        folder.type = tarfile.DIRTYPE
        archive.addfile(_plain(folder))
        if static:
            for path in sorted(static.rglob("*")):
                archive.add(path, f"static/{path.relative_to(static)}", recursive=False, filter=_plain)
    return fresh.replace(target)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mode = 0o755 if member.isdir() else 0o644
    return artefacts.plain(member)
