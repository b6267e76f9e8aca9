"""Base file systems made of Debian packages by mmdebstrap."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_cli.core.run import run
from otel_mesh_embedded import packages
from otel_mesh_embedded.images.buildah import CONFINED, Buildah
from otel_mesh_embedded.images.recipes import FINISH, WITHOUT

if TYPE_CHECKING:
    from pathlib import Path

    from otel_mesh_embedded.images.recipes import Root

_STATUS = "./var/lib/dpkg/status"


@dataclass(frozen=True)
class Base:
    """A finished base."""

    archive: Path
    """Tar archive of the file system."""
    identity: str
    """Hash of the definition and the versions of the packages."""


def known(root: Root) -> Base | None:
    """The base of a definition, if it was made before."""
    folder = _folder(root)
    record = folder / "packages.txt"
    return Base(folder / "rootfs.tar", _identity(root, record.read_text())) if record.exists() else None


def major_version(root: Root, package: str) -> str | None:
    """Major version of a package in a base that was made before: ``15`` of ``15+248``."""
    record = _folder(root) / "packages.txt"
    installed = record.read_text() if record.exists() else ""
    found = re.search(rf"^{re.escape(package)} (?:\d+:)?(\d+)", installed, re.MULTILINE)
    return found[1] if found else None


def make(root: Root, buildah: Buildah, log: Path) -> Base:
    """Make a base from the newest packages of the machine's sources.

    Raises:
        CommandError: a package is not available, or there is no network.
    """
    folder = _folder(root)
    scratch = folder.with_name(f".{folder.name}")
    shutil.rmtree(scratch, ignore_errors=True)  # left by a killed run
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
    shutil.rmtree(folder, ignore_errors=True)
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
        # Only root may enter the folder. A half-written root is never used, so nothing has to be synced.
        '--aptopt=APT::Sandbox::User "root"',
        f"--aptopt={scratch / 'apt.conf'}",
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in (*WITHOUT, *root.without)),
        *(f"--essential-hook={line}" for line in root.prepare),
        *(f"--customize-hook={line}" for line in (*root.finish, *FINISH)),
    ]
    # The empty suite is taken from the sources. Perl by name: it and its modules must come from the same place.
    command = ["perl", str(buildah.program("mmdebstrap")), *options, "", "rootfs.tar", "sources.list"]
    # The fixed time makes the same packages give the same archive.
    environment = {**buildah.environment, "SOURCE_DATE_EPOCH": "0"}
    if not run([*CONFINED, *command], cwd=scratch, env=environment, log=log).ok:
        raise _failure(root, log)


def _failure(root: Root, log: Path) -> CommandError:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    if any(packages.UNREACHABLE.search(line) for line in lines):
        return CommandError(f"base {root.name}: no network", remedy=packages.CONNECT, log=log)
    errors = [line for line in lines if line.startswith("E:")] or lines[-1:] or ["mmdebstrap failed"]
    return CommandError(f"base {root.name}: {errors[0]}", remedy="read the log", log=log)


def _packages(archive: Path) -> str:
    """Lines ``name version`` of the packages installed in a root."""
    with tarfile.open(archive) as tar:
        status = tar.extractfile(_STATUS)
        text = status.read().decode() if status else ""
    found = re.findall(r"^Package: (\S+)$.*?^Version: (\S+)$", text, re.MULTILINE | re.DOTALL)
    return "".join(f"{name} {version}\n" for name, version in sorted(found))


def _folder(root: Root) -> Path:
    key = files.key_of(json.dumps([asdict(root), WITHOUT, FINISH], sort_keys=True))
    return cache_dir() / "images" / "roots" / f"{root.name}-{key}"


def _identity(root: Root, installed: str) -> str:
    return files.key_of(f"{_folder(root).name}\n{installed}")
