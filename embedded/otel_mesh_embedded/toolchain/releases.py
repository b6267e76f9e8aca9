"""Origins other than Go modules: programs on PATH and upstream's releases, as programs.toml lists them.

The version is always the one that go.mod pins. A release is named together with its SHA-256: what upstream published
later, or what a mirror gives, is not used. Programs without an entry come from Go modules, which go.sum pins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from otel_mesh_embedded.toolchain.programs import LISTED, owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Number = tuple[int, ...]
ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
"""Upstream's name of an architecture by the name that `platform.machine` returns."""


@dataclass(frozen=True)
class OnPath:
    """Versions of a program on PATH that are accepted."""

    ask: tuple[str, ...]
    """Arguments that print the program's version."""
    fits: Literal["exact", "minor", "major"] = "exact"
    """Same version; same or adjacent minor version; or same major version and not older."""
    because: str = "the node's data outlive it: an update of the machine's packages must not change the node"
    """Why other versions are refused."""


@dataclass(frozen=True)
class Release:
    """One file that upstream publishes."""

    version: str
    """Version that the sums are of, as ``v1.2.3``."""
    url: str
    """Address of the file, with ``{version}``, ``{number}`` (the version without its v) and ``{arch}``."""
    sha256: Mapping[str, str]
    """SHA-256 of the file by architecture, as `platform.machine` names it."""
    member: str = ""
    """Path of a program in the archive, with ``{program}``; empty if the file is the program itself."""

    def fill(self, text: str, machine: str, program: str = "") -> str:
        """The address or the member's path for one architecture and program."""
        number, arch = self.version.removeprefix("v"), ARCHITECTURES[machine]
        return text.format(version=self.version, number=number, arch=arch, program=program)


@dataclass(frozen=True)
class Offer:
    """Programs that come together from one origin, and the origins other than Go modules."""

    programs: tuple[str, ...]
    on_path: OnPath | None = None
    """Accepted versions on PATH; None if PATH is no origin."""
    release: Release | None = None

    @property
    def version(self) -> str:
        """Version that the modules pin, as ``v1.2.3``."""
        return owner(self.programs[0]).version


def _offer(fields: dict[str, Any]) -> Offer:
    rule, release = fields.get("on_path"), fields.get("release")
    return Offer(
        tuple(fields["programs"]),
        OnPath(**{**rule, "ask": tuple(rule["ask"])}) if rule else None,
        Release(**release) if release else None,
    )


OFFERS: Final = tuple(_offer(fields) for fields in LISTED["offer"])


def offers_of(programs: Iterable[str], offers: Iterable[Offer] = OFFERS) -> tuple[Offer, ...]:
    """The offers that programs belong to; a program without one gets an offer of its own, without origins."""
    wanted = list(programs)
    found = tuple(offer for offer in offers if any(name in offer.programs for name in wanted))
    named = {name for offer in found for name in offer.programs}
    return (*found, *(Offer((name,)) for name in wanted if name not in named))
