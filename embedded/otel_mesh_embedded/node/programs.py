"""Paths and environment of the node's programs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_embedded import packages, toolchain
from otel_mesh_embedded.node import arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_embedded.node.layout import Layout

_VARIABLES = ("LD_LIBRARY_PATH", "XTABLES_LIBDIR")
_SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


@dataclass(frozen=True)
class Programs:
    """The programs of one version set."""

    tools: Path
    """Folder of programs built from Go modules."""
    prefix: Path
    """Folder of unpacked Debian packages."""
    environment: Mapping[str, str]
    """Environment of the programs, the same for every caller: a change would restart them."""

    def tool(self, name: str) -> str:
        """Path of a program built from Go modules; it changes only with that program's version."""
        return str((self.tools / name).resolve())

    def packaged(self, name: str) -> str:
        """Path of a program from a Debian package."""
        for folder in ("usr/bin", "usr/sbin"):
            if (path := self.prefix / folder / name).exists():
                return str(path)
        return name

    @property
    def iptables(self) -> Path:
        """Folder of both iptables variants."""
        return self.prefix / "usr" / "sbin"

    @property
    def cni(self) -> Path:
        """Folder of the CNI plugins."""
        return self.prefix / "usr" / "lib" / "cni"


def find(layout: Layout, *, built: bool = True) -> Programs:
    """Provide all programs; those from Go modules only if they are to be built, which stopping the node must not do.

    Raises:
        CommandError: a program cannot be provided.
    """
    tools = toolchain.folder(arguments.NAMES) if built else layout.bin
    prefix = packages.ensure()
    given = packages.environment(prefix)
    own = [part for part in given.get("PATH", "").split(os.pathsep) if Path(part).is_relative_to(prefix)]
    environment = {name: given[name] for name in _VARIABLES if name in given}
    environment["PATH"] = os.pathsep.join([str(layout.bin), *own, *_SYSTEM_PATH])
    environment["LANG"] = "C.UTF-8"
    environment["HOME"] = str(layout.root)
    return Programs(tools, prefix, environment)
