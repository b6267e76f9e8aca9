"""The machine's apt with private lists and archives and without its hooks; it installs nothing and needs no root."""

from __future__ import annotations

import os
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_cli.core.run import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_URI = re.compile(r"^'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) (?P<hash>\S*)$")
_INSTALL = ("--yes", "--reinstall", "--no-install-recommends", "--allow-change-held-packages")
UNREACHABLE: Final = re.compile(
    r"Temporary failure resolving|Could not connect|Could not resolve|Network is unreachable"
)
"""Lines of apt and mmdebstrap by which a mirror cannot be reached."""
CONNECT: Final = "connect this machine to a mirror of its distribution (/etc/apt), then run the command again"
"""Remedy where a mirror cannot be reached."""

# The machine's configuration stays in force (proxies, mirrors, keys), except what would change the machine's folders.
# For downloads, apt started by root would become the user _apt, who cannot enter a private home.
_CONFIGURATION = """\
Dir::State "{home}/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::State::extended_states "{home}/state/extended_states";
Dir::Cache "{home}/cache";
Dir::Log "{home}/log";
#clear APT::Update;
#clear DPkg;
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Retries "3";
"""


@dataclass(frozen=True)
class Archive:
    """A package file as apt would fetch it."""

    file: str
    """File name, with package, version and architecture."""
    size: int
    digest: str


class Apt:
    """apt-get with the machine's sources and keyrings; what it cannot do raises `CommandError`.

    Raises:
        CommandError: apt is not installed.
    """

    def __init__(self) -> None:
        for program in ("apt-get", "dpkg-deb"):
            if shutil.which(program) is None:
                raise CommandError(
                    f"{program}: not found",
                    remedy="use Debian or a derivative: container runtime and base images are made of its packages",
                )
        self._home = cache_dir() / "debian" / "apt"
        for folder in ("state/lists/partial", "cache/archives/partial", "log"):
            (self._home / folder).mkdir(parents=True, exist_ok=True)
        self._file = self._home / "apt.conf"
        self._file.write_text(_CONFIGURATION.format(home=self._home))

    def has_lists(self) -> bool:
        """Whether package lists were ever fetched."""
        return any((self._home / "state" / "lists").glob("*Packages*"))

    def update(self) -> None:
        """Fetch the package lists; one that cannot be read is an error."""
        # With "any", a list that could not be fetched is an error, not a warning.
        self._run(["update", "-qq", "--error-on=any"], "package lists")

    def plan(self, packages: Sequence[str]) -> tuple[Archive, ...]:
        """Files of these packages, even if they are installed, and of the dependencies that the machine lacks."""
        output = self._run(["install", "--print-uris", *_INSTALL, *packages], " ".join(packages))
        found = (_URI.match(line) for line in output.splitlines())
        return tuple(sorted((Archive(m["file"], int(m["size"]), m["hash"]) for m in found if m), key=lambda a: a.file))

    def download(self, packages: Sequence[str], folder: Path) -> None:
        """Fetch the files of `plan` into a folder, verified by the lists' signatures."""
        (folder / "partial").mkdir(parents=True, exist_ok=True)
        options = ["-o", f"Dir::Cache::archives={folder}"]
        self._run(["install", "-qq", "--download-only", *options, *_INSTALL, *packages], " ".join(packages))

    def sources(self) -> tuple[str, ...]:
        """The distribution's own sources, with security updates, as lines of sources.list.

        Sources of other origins are left out: they are for the machine, not for images.

        Raises:
            CommandError: the machine has no source of its distribution.
        """
        own = distribution()["ID"]
        keys = Path(f"/usr/share/keyrings/{own}-archive-keyring.gpg")
        signed = f"[signed-by={keys}] " if keys.exists() else ""
        fields = "$(ORIGIN)\t$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)"
        output = self._run(["indextargets", "--format", fields, "Created-By: Packages"], "sources")
        rows = [line.split("\t") for line in output.splitlines()]
        lines = [f"deb {signed}{uri} {suite} {part}" for origin, uri, suite, part in rows if origin.lower() == own]
        if not lines:
            raise CommandError(
                f"/etc/apt: no source of {own}", remedy="add the distribution's archive to apt's sources"
            )
        return tuple(dict.fromkeys(lines))

    def transport_options(self) -> str:
        """The machine's settings for reaching its sources (proxies, certificates), as an apt.conf."""
        command = ["apt-config", "-c", str(self._file), "dump", "Acquire", "--format", '%F "%v";%n']
        dumped = run(command).require("/etc/apt", remedy="make `apt-config dump` work")
        wanted = re.compile(r"^Acquire::(http|https|Check-Valid-Until|Check-Date|ForceIPv[46])\b", re.IGNORECASE)
        return "".join(f"{line}\n" for line in dumped.splitlines() if wanted.match(line) and '""' not in line)

    def _run(self, arguments: Iterable[str], subject: str) -> str:
        done = run(
            ["apt-get", "-c", str(self._file), *arguments],
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        )
        if done.ok:
            return done.stdout
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        reason = next((line for line in lines if line.startswith("E:")), lines[0] if lines else "apt-get failed")
        if any(UNREACHABLE.search(line) for line in lines):
            raise CommandError(f"Debian packages: {subject}: no network: {reason}", remedy=CONNECT)
        raise CommandError(f"Debian packages: {subject}: {reason}", remedy="make `apt-get update` and /etc/apt work")


def distribution() -> dict[str, str]:
    """Fields of /etc/os-release such as ID and VERSION_CODENAME."""
    return platform.freedesktop_os_release()
