"""What upstream releases, and what of PATH will do: data only. The version is always the one that the modules pin.

No digest stands here: they come from upstream's own file of checksums, fetched over TLS from beside the download. That
guards against broken and mixed-up files; against a forged release guards what TLS does, and no more. Whoever wants
every source pinned takes ``OTEL_MESH_PROGRAMS=modules``: go.sum does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from otel_mesh_embedded.toolchain.programs import owner

if TYPE_CHECKING:
    from collections.abc import Iterable

Number = tuple[int, ...]
STATE_OUTLIVES = "the node's data outlive it: an update of the machine's packages must not change the node"


@dataclass(frozen=True)
class OnPath:
    """Which programs of PATH will do.

    Attributes:
        ask: arguments by which the program tells its version.
        fits: ``exact`` version, the ``minor`` version or one beside it, or the ``major`` version and not older.
        because: why no other will do.
    """

    ask: tuple[str, ...]
    fits: Literal["exact", "minor", "major"]
    because: str


@dataclass(frozen=True)
class Official:
    """Where upstream publishes a release.

    Attributes:
        url: with ``{version}`` (of the modules), ``{number}``, ``{program}`` and ``{arch}``.
        checksums: a file of sha256 sums, or of one sum only.
        member: a program's path in the archive; empty where what is downloaded is the program itself.
        number: of the release, where it is not the modules' version.
        sums_members: the sums are those of the archive's members.
        arches: upstream's names of machines.
    """

    url: str
    checksums: str
    member: str = ""
    number: str = ""
    sums_members: bool = False
    arches: tuple[tuple[str, str], ...] = (("x86_64", "amd64"), ("aarch64", "arm64"))


@dataclass(frozen=True)
class Offer:
    """Programs that come together from one place, and the places beside Go modules."""

    programs: tuple[str, ...]
    on_path: OnPath | None = None
    official: Official | None = None

    @property
    def version(self) -> str:
        """As the modules pin it, ``v1.2.3``."""
        return owner(self.programs[0]).version


_GITHUB = "https://github.com"
_VICTORIA = f"{_GITHUB}/VictoriaMetrics/VictoriaLogs/releases/download"
_NODE = OnPath(("--version",), "exact", STATE_OUTLIVES)
_KUBERNETES = Official(
    "https://dl.k8s.io/release/{version}/bin/linux/{arch}/{program}",
    "https://dl.k8s.io/release/{version}/bin/linux/{arch}/{program}.sha256",
)

OFFERS: tuple[Offer, ...] = (
    Offer(
        # One of these without the others of its release would be a mixture that nobody has tested.
        ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"),
        OnPath(("version",), "major", "older ones lack what is used here, and a new major version may break it"),
        Official(
            "https://get.pulumi.com/releases/sdk/pulumi-{version}-linux-{arch}.tar.gz",
            "https://get.pulumi.com/releases/sdk/pulumi-{number}-checksums.txt",
            "pulumi/{program}",
            arches=(("x86_64", "x64"), ("aarch64", "arm64")),
        ),
    ),
    Offer(
        ("kubectl",),
        OnPath(("version", "--client"), "minor", "kubectl supports API servers one minor version away"),
        _KUBERNETES,
    ),
    *(
        Offer((name,), _NODE, _KUBERNETES)
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")
    ),
    Offer(
        ("etcd",),
        _NODE,
        Official(
            f"{_GITHUB}/etcd-io/etcd/releases/download/{{version}}/etcd-{{version}}-linux-{{arch}}.tar.gz",
            f"{_GITHUB}/etcd-io/etcd/releases/download/{{version}}/SHA256SUMS",
            "etcd-{version}-linux-{arch}/{program}",
        ),
    ),
    Offer(
        ("jaeger",),
        official=Official(
            f"{_GITHUB}/jaegertracing/jaeger/releases/download/{{version}}/jaeger-{{number}}-linux-{{arch}}.tar.gz",
            f"{_GITHUB}/jaegertracing/jaeger/releases/download/{{version}}/jaeger-{{number}}-linux-{{arch}}.sha256sum.txt",
            "jaeger-{number}-linux-{arch}/{program}",
            number="2.13.0",
            sums_members=True,
        ),
    ),
    Offer(
        ("victoria-logs",),
        official=Official(
            f"{_VICTORIA}/{{version}}/victoria-logs-linux-{{arch}}-{{version}}.tar.gz",
            f"{_VICTORIA}/{{version}}/victoria-logs-linux-{{arch}}-{{version}}_checksums.txt",
            "victoria-logs-prod",
        ),
    ),
    Offer(
        ("prometheus", "promtool"),
        official=Official(
            f"{_GITHUB}/prometheus/prometheus/releases/download/{{version}}/prometheus-{{number}}.linux-{{arch}}.tar.gz",
            f"{_GITHUB}/prometheus/prometheus/releases/download/{{version}}/sha256sums.txt",
            "prometheus-{number}.linux-{arch}/{program}",
        ),
    ),
    Offer(
        ("coredns",),
        official=Official(
            f"{_GITHUB}/coredns/coredns/releases/download/{{version}}/coredns_{{number}}_linux_{{arch}}.tgz",
            f"{_GITHUB}/coredns/coredns/releases/download/{{version}}/coredns_{{number}}_linux_{{arch}}.tgz.sha256",
            "{program}",
        ),
    ),
)
"""Not here, and so from Go modules only: our selection of the Collector's parts, pause and the volume provisioner are
released by nobody; Istio's must fit the Envoy that is used; of the Kubernetes provider's release no file of checksums
is known to us. What goes into images is not taken from PATH: an image must not depend on what this machine has there.
"""


def offers_of(programs: Iterable[str], offers: Iterable[Offer] = OFFERS) -> tuple[Offer, ...]:
    """The offers that programs belong to; one for each program that has none."""
    wanted = list(programs)
    found = tuple(offer for offer in offers if any(name in offer.programs for name in wanted))
    named = {name for offer in found for name in offer.programs}
    return (*found, *(Offer((name,)) for name in wanted if name not in named))
