"""Base file systems made of Debian packages by mmdebstrap, once per recipe."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tarfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_embedded import packages
from otel_mesh_embedded.images.buildah import CONFINED, Buildah
from otel_mesh_embedded.images.recipes import FINISH, WITHOUT

if TYPE_CHECKING:
    from pathlib import Path

    from otel_mesh_embedded.images.recipes import Root

_KEY_LENGTH = 12
_STATUS = "./var/lib/dpkg/status"
_UNREACHABLE = re.compile(r"Temporary failure resolving|Could not connect|Could not resolve|Network is unreachable")


@dataclass(frozen=True)
class Base:
    """A finished base: its file system, and an identity made of recipe and package versions."""

    archive: Path
    identity: str


def known(root: Root) -> Base | None:
    """The base of a recipe if it was made already."""
    folder = _folder(root)
    record = folder / "packages.txt"
    return Base(folder / "rootfs.tar", _identity(root, record.read_text())) if record.exists() else None


def major_version(root: Root, package: str) -> str | None:
    """The first number of a package's version in a base that was made: ``15`` of ``15+248``."""
    record = _folder(root) / "packages.txt"
    found = (
        re.search(rf"^{re.escape(package)} (?:\d+:)?(\d+)", record.read_text(), re.MULTILINE)
        if record.exists()
        else None
    )
    return found[1] if found else None


def make(root: Root, buildah: Buildah, log: Path) -> Base:
    """Make a base from the newest packages of the machine's sources.

    Raises:
        CommandError: a package cannot be had, or no network.
    """
    folder = _folder(root)
    scratch = folder.with_name(f".{folder.name}")
    if scratch.exists():  # a killed run's leavings
        shutil.rmtree(scratch)
    scratch.mkdir(parents=True)
    apt = packages.Apt()
    if not apt.has_lists():
        apt.update()
    (scratch / "sources.list").write_text("".join(f"{line}\n" for line in apt.sources()))
    (scratch / "apt.conf").write_text(apt.transport_options())
    (scratch / "apt.conf").chmod(0o600)
    _bootstrap(root, buildah, scratch, log)
    installed = _packages(scratch / "rootfs.tar")
    for name in ("sources.list", "apt.conf"):
        (scratch / name).unlink()
    (scratch / "packages.txt").write_text(installed)
    if folder.exists():
        shutil.rmtree(folder)
    scratch.rename(folder)
    return Base(folder / "rootfs.tar", _identity(root, installed))


def _bootstrap(root: Root, buildah: Buildah, scratch: Path, log: Path) -> None:
    hooks = buildah.program("mmdebstrap").parent.parent / "share" / "mmdebstrap" / "hooks" / "merged-usr"
    options = [
        "--variant=essential",
        "--mode=root",
        "--format=tar",
        f"--hook-dir={hooks}",
        f"--include={','.join(('usr-is-merged', *root.packages))}",
        # Nobody but root may enter the folder; and a half-written root is never used, so nothing needs syncing.
        '--aptopt=APT::Sandbox::User "root"',
        f"--aptopt={scratch / 'apt.conf'}",
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in (*WITHOUT, *root.without)),
        *(f"--essential-hook={line}" for line in root.prepare),
        *(f"--customize-hook={line}" for line in (*root.finish, *FINISH)),
    ]
    # An empty suite: the sources say which. Perl by name: its modules and itself must come from one place.
    command = ["perl", str(buildah.program("mmdebstrap")), *options, "", "rootfs.tar", "sources.list"]
    with log.open("a") as stream:
        done = subprocess.run(
            [*CONFINED, *command],
            cwd=scratch,
            # Fixed times: the same packages give the same archive.
            env={**buildah.environment, "SOURCE_DATE_EPOCH": "0"},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        raise _failure(root, log)


def _failure(root: Root, log: Path) -> CommandError:
    told = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    if any(_UNREACHABLE.search(line) for line in told):
        remedy = "connect this machine to a mirror of its distribution (/etc/apt), then run the command again"
        return CommandError(f"base {root.name}: no network", remedy=remedy, log=log)
    errors = [line for line in told if line.startswith("E:")] or told[-1:] or ["mmdebstrap failed"]
    return CommandError(f"base {root.name}: {errors[0]}", remedy="read the log", log=log)


def _packages(archive: Path) -> str:
    """Lines ``name version`` of what is installed in a root."""
    with tarfile.open(archive) as tar:
        status = tar.extractfile(_STATUS)
        text = status.read().decode() if status else ""
    found = re.findall(r"^Package: (\S+)$.*?^Version: (\S+)$", text, re.MULTILINE | re.DOTALL)
    return "".join(f"{name} {version}\n" for name, version in sorted(found))


def _folder(root: Root) -> Path:
    text = json.dumps([asdict(root), WITHOUT, FINISH], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:_KEY_LENGTH]
    return cache_dir() / "images" / "roots" / f"{root.name}-{digest}"


def _identity(root: Root, installed: str) -> str:
    return hashlib.sha256(f"{_folder(root).name}\n{installed}".encode()).hexdigest()[:_KEY_LENGTH]
