"""Stand-ins for docker, podman, buildah, kind, k3d, minikube and kubectl: scripts that a test puts on its PATH.

None of the real programs runs. A stand-in refuses options of builds, transfers and loads that its program's help does
not list, keeps its images in a folder, answers in the program's words and records its arguments. What it cannot show
is how the real programs build, push and load.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).with_name("stand_in_program.py")


@dataclass(frozen=True)
class Programs:
    """Stand-ins that share one world: a registry, each program's images, clusters and their nodes."""

    folder: Path

    @property
    def path(self) -> Path:
        """The folder for PATH."""
        return self.folder / "bin"

    def install(self, *names: str) -> None:
        for name in names:
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"#!{sys.executable} -IS\nexec(open({str(_SCRIPT)!r}).read())\n")
            file.chmod(0o755)

    def fails(self, program: str, verb: str, message: str, code: int = 1) -> None:
        """From now on a command fails with this on standard error."""
        self._write(f"{program}-{verb}.fails", {"message": message, "code": code})

    def works(self, program: str, verb: str) -> None:
        (self.folder / f"{program}-{verb}.fails").unlink()

    def set(self, name: str, content: Any) -> None:  # noqa: ANN401
        """Part of the world: ``registry``, ``docker``, ``kind``, ``nodes`` ..."""
        self._write(f"{name}.json", content)

    def get(self, name: str) -> Any:  # noqa: ANN401
        file = self.folder / f"{name}.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def calls(self, program: str, verb: str | None = None) -> list[list[str]]:
        """Arguments of every call of a program, or of one of its commands."""
        file = self.folder / f"{program}.calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [words for words in map(json.loads, lines) if verb in (None, words[0])]

    def _write(self, name: str, content: Any) -> None:  # noqa: ANN401
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(json.dumps(content))
