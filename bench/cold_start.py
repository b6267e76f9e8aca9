"""Breakdown of a cold `make up`, from its output and the logs of its builds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = {"wall": 2692.0, "toolchain": 2272.0, "images": 228.0, "node and update": 136.0, "compiling": 4540.0}
"""Seconds of a cold start on 2 cores and 24 GiB on 2026-11-28, before builds shared versions; `compiling` is
CPU time, the others are wall-clock."""
REFERENCE_PACKAGES = 14300

_STEP = re.compile(r"^ *(\d+\.\d) s  (.*)$", re.MULTILINE)
_IMAGE = re.compile(r"^images: (.+): ready after (\d+) s$", re.MULTILINE)


@dataclass(frozen=True)
class Build:
    """Cost of one `go build`; `peak_bytes` is the peak resident memory of its largest process."""

    name: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    packages: int
    compiled: int


@dataclass(frozen=True)
class ColdStart:
    """One cold start, in seconds."""

    wall: float
    stages: dict[str, float]
    builds: list[Build]
    images: dict[str, float]

    @property
    def compiling(self) -> float:
        """CPU seconds of all builds."""
        return sum(build.cpu_seconds for build in self.builds)

    @property
    def compiled(self) -> int:
        """Number of package compilations, repeated ones included."""
        return sum(build.compiled for build in self.builds)


def read(wall: float, printed: str, logs: Path) -> ColdStart:
    """The breakdown of a cold start.

    Args:
        wall: Wall-clock seconds of the command.
        printed: Output of the command.
        logs: Folder with the logs of the builds.

    Raises:
        ValueError: The output does not belong to a successful start.
    """
    steps = {text: float(seconds) for seconds, text in reversed(_STEP.findall(printed))}
    programs = next((at for text, at in steps.items() if text.startswith("programs:")), None)
    pictures = next((at for text, at in steps.items() if re.fullmatch(r"\d+ images", text)), None)
    if programs is None or pictures is None:
        raise ValueError("the output does not belong to a successful `make up`")
    end = max(steps.values())
    builds = [
        Build(file.stem.removeprefix("build-"), **json.loads(file.read_text()))
        for file in sorted(logs.glob("build-*.json"))
    ]
    return ColdStart(
        wall,
        {
            # Python packages are installed before the command's clock starts; the final trace follows its last step.
            "packages of Python": max(0.0, wall - end),
            "toolchain": programs,
            "images": pictures - programs,
            "node and update": end - pictures,
        },
        sorted(builds, key=lambda build: -build.cpu_seconds),
        {name: float(seconds) for name, seconds in _IMAGE.findall(printed)},
    )


def table(start: ColdStart) -> str:
    """The breakdown as a table, compared with the reference."""
    lines = [f"{'program':<24}{'wall s':>8}{'CPU s':>8}{'packages':>10}{'compiled':>10}{'peak MiB':>10}"]
    lines += [
        f"{build.name:<24}{build.seconds:>8.0f}{build.cpu_seconds:>8.0f}{build.packages:>10}{build.compiled:>10}"
        f"{build.peak_bytes / 2**20:>10.0f}"
        for build in start.builds
    ]
    lines.append("images: " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in start.images.items()))
    figures = {"wall": start.wall, "compiling": start.compiling, **start.stages}
    for name, seconds in figures.items():
        line = f"{name:<20}{seconds:>8.0f} s"
        if before := REFERENCE.get(name):
            line += f"  reference {before:.0f} s, ratio {seconds / before:.2f}"
        lines.append(line)
    lines.append(
        f"{'packages compiled':<20}{start.compiled:>8}    reference {REFERENCE_PACKAGES}, ratio "
        f"{start.compiled / REFERENCE_PACKAGES:.2f}"
    )
    return "\n".join(lines)
