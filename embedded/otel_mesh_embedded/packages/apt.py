"""The machine's own apt with lists, archives and hooks of our own: it installs nothing and needs no root."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_URI = re.compile(r"^'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) (?P<hash>\S*)$")
_UNREACHABLE = re.compile(r"Temporary failure resolving|Could not connect|Could not resolve|Network is unreachable")
_MIB = 1 << 20

# The machine's configuration stays in force (proxies, mirrors, keys) but for what would act on its own folders.
# As root apt would become the user _apt for downloads, who cannot enter a private home.
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
    """A package file as apt would fetch it; the name holds package, version and architecture."""

    file: str
    size: int
    digest: str


class Apt:
    """apt-get on the machine's sources, trusting the machine's keyrings.

    Raises:
        CommandError: this machine has no apt.
    """

    def __init__(self) -> None:
        for program in ("apt-get", "dpkg-deb"):
            if shutil.which(program) is None:
                raise CommandError(
                    f"{program}: not found",
                    remedy="use Debian or a relative of it: container runtime and base images are made of its packages",
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
        """Fetch the package lists.

        Raises:
            CommandError: a source could not be read.
        """
        # "any": a list that could not be fetched is an error, not a warning.
        self._run(["update", "-qq", "--error-on=any"], "package lists")

    def plan(self, packages: Sequence[str]) -> tuple[Archive, ...]:
        """What the machine lacks to run these packages, and they themselves even if installed.

        Raises:
            CommandError: the machine's sources do not have one of them.
        """
        told = self._run(["install", "--print-uris", *_INSTALL, *packages], " ".join(packages))
        found = (_URI.match(line) for line in told.splitlines())
        return tuple(sorted((Archive(m["file"], int(m["size"]), m["hash"]) for m in found if m), key=lambda a: a.file))

    def download(self, packages: Sequence[str], folder: Path) -> None:
        """Fetch what `plan` names into a folder, verified by the lists' signatures.

        Raises:
            CommandError: not to be had, or no network.
        """
        (folder / "partial").mkdir(parents=True, exist_ok=True)
        options = ["-o", f"Dir::Cache::archives={folder}"]
        self._run(["install", "-qq", "--download-only", *options, *_INSTALL, *packages], " ".join(packages))

    def sources(self) -> tuple[str, ...]:
        """The distribution's own sources, security updates among them, as lines of sources.list.

        Sources of other origins on this machine are left out: they are for the machine, not for images.

        Raises:
            CommandError: none of the sources is the distribution's.
        """
        own = distribution()["ID"]
        keys = Path(f"/usr/share/keyrings/{own}-archive-keyring.gpg")
        signed = f"[signed-by={keys}] " if keys.exists() else ""
        fields = "$(ORIGIN)\t$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)"
        told = self._run(["indextargets", "--format", fields, "Created-By: Packages"], "sources")
        rows = [line.split("\t") for line in told.splitlines()]
        lines = [f"deb {signed}{uri} {suite} {part}" for origin, uri, suite, part in rows if origin.lower() == own]
        if not lines:
            raise CommandError(
                f"/etc/apt: no source of {own}", remedy="add the distribution's archive to apt's sources"
            )
        return tuple(dict.fromkeys(lines))

    def transport_options(self) -> str:
        """The machine's settings for reaching its sources (proxies, certificates), as an apt.conf."""
        done = subprocess.run(
            ["apt-config", "-c", str(self._file), "dump", "Acquire", "--format", '%F "%v";%n'],
            capture_output=True,
            text=True,
            check=True,
        )
        wanted = re.compile(r"^Acquire::(http|https|Check-Valid-Until|Check-Date|ForceIPv[46])\b", re.IGNORECASE)
        return "".join(f"{line}\n" for line in done.stdout.splitlines() if wanted.match(line) and '""' not in line)

    def _run(self, arguments: Iterable[str], subject: str) -> str:
        done = subprocess.run(
            ["apt-get", "-c", str(self._file), *arguments],
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return done.stdout
        told = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        reason = next((line for line in told if line.startswith("E:")), told[0] if told else "apt-get failed")
        if any(_UNREACHABLE.search(line) for line in told):
            raise CommandError(
                f"Debian packages: {subject}: no network: {reason}",
                remedy="connect this machine to a mirror of its distribution (/etc/apt), then run the command again",
            )
        raise CommandError(f"Debian packages: {subject}: {reason}", remedy="make `apt-get update` and /etc/apt work")


_INSTALL = ("--yes", "--reinstall", "--no-install-recommends", "--allow-change-held-packages")


def distribution() -> dict[str, str]:
    """The fields of /etc/os-release, e.g. ID and VERSION_CODENAME."""
    return platform.freedesktop_os_release()
