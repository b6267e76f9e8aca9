"""Debian packages unpacked into a private folder: nothing is installed, and no script of a package runs."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_cli.core.run import run
from otel_mesh_embedded import root_only
from otel_mesh_embedded.packages.apt import Apt, distribution
from otel_mesh_embedded.toolchain import disk_space

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PACKAGES = (
    "buildah",
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "iproute2",
    "iptables",
    "mmdebstrap",
    "runc",
    "socat",
)
_STATUS = Path("/var/lib/dpkg/status")
# Links that Debian's alternatives would make: iptables over nftables.
_IPTABLES = tuple(f"{family}{action}" for family in ("iptables", "ip6tables") for action in ("", "-save", "-restore"))


def ensure(packages: Iterable[str] = PACKAGES, *, refresh: bool = False) -> Path:
    """Unpack packages, and the dependencies that the machine lacks, once.

    Args:
        packages: names of Debian packages.
        refresh: look for newer versions; otherwise the unpacked ones stay until the machine's own packages change.

    Returns:
        A folder with usr/bin, usr/sbin, usr/lib and so on; each set of versions has its own.

    Raises:
        CommandError: apt is not installed, there is no network, the machine's sources lack a package, or another user
            could change the programs that root is about to run.
    """
    wanted = sorted(set(packages))
    home = cache_dir() / "debian"
    record = _record(wanted)
    root_only.require(home)
    with files.locked(home / ".lock"):
        state = _machine()
        if not refresh and (known := _recorded(record, state)):
            root_only.require(known)
            return known
        apt = Apt()
        if refresh or not apt.has_lists():
            apt.update()
        try:
            prefix = _unpacked(apt, wanted, home / "prefix")
        except CommandError:
            # A mirror drops a version when it gets a newer one, and our lists may be older than the mirror.
            apt.update()
            prefix = _unpacked(apt, wanted, home / "prefix")
        record.parent.mkdir(parents=True, exist_ok=True)
        files.write(record, json.dumps({"machine": state, "prefix": prefix.name, "packages": wanted}), mode=0o644)
    return prefix


def here(packages: Iterable[str]) -> Path | None:
    """The folder that `ensure` returns if it need not ask apt; None otherwise."""
    return _recorded(_record(sorted(set(packages))), _machine())


def environment(prefix: Path) -> dict[str, str]:
    """Environment variables of programs in a prefix: PATH, libraries, iptables' extensions, Perl's modules."""
    libraries = [str(path) for top in ("usr/lib", "lib") for path in sorted((prefix / top).glob("*-linux-gnu*"))]
    perl = [*prefix.glob("usr/share/perl/5.*"), *prefix.glob("usr/lib/*/perl/5.*"), *prefix.glob("usr/lib/*/perl-base")]
    path = [str(prefix / "usr" / "sbin"), str(prefix / "usr" / "bin"), os.environ.get("PATH", os.defpath)]
    variables = {"PATH": os.pathsep.join(path), "LD_LIBRARY_PATH": os.pathsep.join(libraries)}
    if extensions := next(prefix.glob("usr/lib/*/xtables"), None):
        variables["XTABLES_LIBDIR"] = str(extensions)
    if perl:
        variables["PERL5LIB"] = os.pathsep.join(map(str, perl))
    return variables


def _unpacked(apt: Apt, packages: Sequence[str], prefixes: Path) -> Path:
    archives = apt.plan(packages)
    prefix = prefixes / files.key_of("\n".join([*packages, *(f"{one.file} {one.digest}" for one in archives)]))
    if prefix.is_dir():
        return prefix
    scratch = prefixes / ".unpack"
    shutil.rmtree(scratch, ignore_errors=True)  # left by a killed run
    scratch.mkdir(parents=True)
    disk_space.require(scratch, 6 * sum(archive.size for archive in archives), "unpacking Debian packages")
    apt.download(packages, scratch / "archives")
    tree = scratch / "tree"
    for archive in sorted((scratch / "archives").glob("*.deb")):
        _unpack(archive, tree)
    for name in _IPTABLES:
        variant = name.replace("tables", "tables-nft", 1)
        if (tree / "usr" / "sbin" / variant).exists():
            (tree / "usr" / "sbin" / name).symlink_to(variant)
    tree.rename(prefix)
    shutil.rmtree(scratch)
    return prefix


def _unpack(archive: Path, tree: Path) -> None:
    run(["dpkg-deb", "-x", archive, tree]).require(
        f"Debian packages: {archive.name}", remedy="free space or repair dpkg, then repeat"
    )


def _record(wanted: Sequence[str]) -> Path:
    key = files.key_of("\n".join(wanted))
    return cache_dir() / "debian" / "records" / f"{key}.json"


def _recorded(record: Path, state: str) -> Path | None:
    try:
        known = json.loads(record.read_text())
        prefix = record.parent.parent / "prefix" / known["prefix"]
        return prefix if known["machine"] == state and prefix.is_dir() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # missing or damaged: made again


def _machine() -> str:
    """Text that changes when the machine's own packages may have changed."""
    status = _STATUS.stat() if _STATUS.exists() else None
    release = distribution()
    return f"{release.get('ID')} {release.get('VERSION_ID')} {status.st_mtime_ns if status else 0}"
