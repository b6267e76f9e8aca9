"""What may take the place of a build from Go modules: programs on PATH and upstream's releases. Data only.

The version is always the one that go.mod pins. A release is named together with its SHA-256: what upstream published
later, or what a mirror gives, is not used. Programs without an entry come from Go modules, which go.sum pins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from otel_mesh_embedded.toolchain.programs import owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Number = tuple[int, ...]
_STATE_OUTLIVES: Final = "the node's data outlive it: an update of the machine's packages must not change the node"
ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
"""Architecture as `platform.machine` names it -> upstream's name."""


@dataclass(frozen=True)
class OnPath:
    """Versions of a program on PATH that are accepted."""

    ask: tuple[str, ...]
    """Arguments that print the program's version."""
    fits: Literal["exact", "minor", "major"]
    """Same version; same or adjacent minor version; or same major version and not older."""
    because: str
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
    """Accepted versions on PATH; None for programs in images, which must not depend on what this machine has."""
    release: Release | None = field(default=None, compare=False)

    @property
    def version(self) -> str:
        """Version that the modules pin, as ``v1.2.3``."""
        return owner(self.programs[0]).version


_NODE: Final = OnPath(("--version",), "exact", _STATE_OUTLIVES)
_KUBERNETES: Final = "https://dl.k8s.io/release/{version}/bin/linux/{arch}/"

OFFERS: Final[tuple[Offer, ...]] = (
    Offer(
        # One of these without the others of its release would be a mixture that nobody has tested.
        ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"),
        OnPath(("version",), "major", "older ones lack what is used here, and a new major version may break it"),
    ),
    Offer(
        ("kubectl",),
        OnPath(("version", "--client"), "minor", "kubectl supports API servers one minor version away"),
        Release(
            "v1.35.4",
            f"{_KUBERNETES}kubectl",
            {
                "x86_64": "b529430df69a688fd61b64ad2299edb5fd71cb58be2a4779dba624c7d3510efd",
                "aarch64": "6a5a4cc4e396d7626a7a693a3044b51c75520f81db30fe6816c2554e53be336f",
            },
        ),
    ),
    Offer(
        ("kubelet",),
        _NODE,
        Release(
            "v1.35.4",
            f"{_KUBERNETES}kubelet",
            {
                "x86_64": "983a6ba5a49823dcdd745c674e5e2416377dd27d6ad1b42d2befa0fb961a19f6",
                "aarch64": "d710eef03bb4ad164bb77af9be5b11b44f874e2fc08153c7d383420d685f73e8",
            },
        ),
    ),
    *(
        Offer((name,), _NODE)
        for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    ),
    Offer(
        ("prometheus", "promtool"),
        release=Release(
            "v3.15.0",
            "https://github.com/prometheus/prometheus/releases/download/{version}/prometheus-{number}.linux-{arch}.tar.gz",
            {
                "x86_64": "2a542df32eac02ee17b9d844fb2aa1de00dafa5476579ba8a3ba862e9d572ea0",
                "aarch64": "f1f90ec08e849d494ca66c611470afc50192f0355f1a61c33f2cbde02d067823",
            },
            "prometheus-{number}.linux-{arch}/{program}",
        ),
    ),
)
"""Sums as the Kubespray project lists them for Kubernetes, and as Prometheus' release page has them."""


def offers_of(programs: Iterable[str], offers: Iterable[Offer] = OFFERS) -> tuple[Offer, ...]:
    """The offers that programs belong to; a program without one gets an offer of its own, without origins."""
    wanted = list(programs)
    found = tuple(offer for offer in offers if any(name in offer.programs for name in wanted))
    named = {name for offer in found for name in offer.programs}
    return (*found, *(Offer((name,)) for name in wanted if name not in named))
