"""Breakdown of a cold `make up`, from its output and the logs of its builds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = {"wall": 2692.0, "toolchain": 2272.0, "images": 228.0, "node and update": 136.0, "CPU": 4540.0}
"""Seconds of a cold start on 2 cores and 24 GiB on 2026-11-28, before builds shared versions; `CPU` is the CPU time of
compiling alone, the others are wall-clock."""
REFERENCE_PACKAGES = 14300

_STEP = re.compile(r"^ *(\d+\.\d) s  (.*)$", re.MULTILINE)
_IMAGE = re.compile(r"^images: (.+): ready after (\d+) s$", re.MULTILINE)
_BUILD = re.compile(r"^toolchain: (\S+): ready after (\d+):(\d\d);", re.MULTILINE)


@dataclass(frozen=True)
class Build:
    """One `go build`: its wall-clock seconds and the number of packages it compiled."""

    name: str
    seconds: float
    compiled: int


@dataclass(frozen=True)
class ColdStart:
    """One cold start, in seconds; `cpu` is the CPU time of all that the command ran and that has ended."""

    wall: float
    cpu: float
    stages: dict[str, float]
    builds: list[Build]
    images: dict[str, float]

    @property
    def compiled(self) -> int:
        """Number of package compilations, repeated ones included."""
        return sum(build.compiled for build in self.builds)


def read(wall: float, cpu: float, printed: str, logs: Path) -> ColdStart:
    """The breakdown of a cold start.

    Args:
        wall: Wall-clock seconds of the command.
        cpu: CPU seconds of the command and its children.
        printed: Output of the command.
        logs: Folder with the logs of the builds.

    Raises:
        ValueError: The output does not belong to a successful cold start.
    """
    steps = {text: float(seconds) for seconds, text in reversed(_STEP.findall(printed))}
    programs = next((at for text, at in steps.items() if text.startswith("programs:")), None)
    pictures = next((at for text, at in steps.items() if re.fullmatch(r"\d+ images", text)), None)
    builds = [
        Build(name, 60 * int(minutes) + int(seconds), _compiled(logs / f"build-{name}.log"))
        for name, minutes, seconds in _BUILD.findall(printed)
    ]
    if programs is None or pictures is None or not builds:
        raise ValueError("the output does not belong to a successful cold `make up`")
    end = max(steps.values())
    return ColdStart(
        wall,
        cpu,
        {
            # Python packages are installed before the command's clock starts; the final trace follows its last step.
            "packages of Python": max(0.0, wall - end),
            "toolchain": programs,
            "images": pictures - programs,
            "node and update": end - pictures,
        },
        sorted(builds, key=lambda build: -build.seconds),
        {name: float(seconds) for name, seconds in _IMAGE.findall(printed)},
    )


def _compiled(log: Path) -> int:
    """Packages that `go build -v` named, one in each line that is no command."""
    return sum(1 for line in log.read_text().splitlines() if line and not line.startswith(("$", "go: ")))


def table(start: ColdStart) -> str:
    """The breakdown as a table, compared with the reference."""
    lines = [f"{'program':<24}{'wall s':>8}{'compiled':>10}"]
    lines += [f"{build.name:<24}{build.seconds:>8.0f}{build.compiled:>10}" for build in start.builds]
    lines.append("images: " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in start.images.items()))
    figures = {"wall": start.wall, "CPU": start.cpu, **start.stages}
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
