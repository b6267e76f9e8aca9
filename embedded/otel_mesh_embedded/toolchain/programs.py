"""What is built, from which module: data only. Versions stand in each folder's go.mod and nowhere else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MODULES = Path(__file__).parent / "modules"

# One set for all, so that a package that two programs share is compiled once. They only leave things out: gRPC's
# request traces, generated validators, and Prometheus' service discoveries but for those of a cluster.
TAGS = (
    "grpcnotrace",
    "retrynotrace",
    "disable_pgv",
    "remove_all_sd",
    "enable_kubernetes_sd",
    "enable_dns_sd",
)


@dataclass(frozen=True)
class Build:
    """One module folder and the programs that come out of it.

    Attributes:
        folder: holds go.mod, go.sum and, where upstream has no main package to build, main.go.
        module: the upstream module whose version in go.mod is the programs' version.
        packages: program -> main package; several are built by one ``go build``, so each is named like its package.
        stamps: ``variable=value`` for the linker; ``{version}`` (with v), ``{number}`` (without), ``{major}`` and
            ``{minor}`` are filled in.
        release: the version people know, where the module's is a pseudo-version or counts differently.
        files: program -> (module, path in it) of scripts and data that are taken as they are.
        embeds: name -> (module, path in it) of files that main.go embeds.
        minutes: on two cores, alone, with empty caches.
    """

    folder: Path
    module: str
    packages: Mapping[str, str]
    stamps: Sequence[str] = ()
    release: str = ""
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    embeds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    minutes: float = 0.2

    @property
    def programs(self) -> tuple[str, ...]:
        """Everything this build makes."""
        return (*self.packages, *self.files)

    @property
    def version(self) -> str:
        """The release as ``v1.2.3``.

        Raises:
            CommandError: go.mod does not require the module.
        """
        if self.release or not self.module:
            return self.release or "v0"
        text = (self.folder / "go.mod").read_text()
        found = re.search(rf"^(?:require )?\s*{re.escape(self.module)} (v\S+)", text, re.MULTILINE)
        if found is None:
            raise CommandError(f"{self.folder / 'go.mod'}: does not require {self.module}", remedy="restore the file")
        return found[1]


_SDK = "github.com/pulumi/pulumi/sdk/v3"
_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_PROVIDER_SDK = "github.com/pulumi/pulumi-kubernetes/sdk/v4"
_KUBERNETES = "k8s.io/kubernetes"
_KUBE_STAMPS = tuple(
    f"k8s.io/{package}.{stamp}"
    for package in ("component-base/version", "client-go/pkg/version")
    for stamp in ("gitVersion={version}", "gitMajor={major}", "gitMinor={minor}", "gitTreeState=clean")
)

_ISTIO = "istio.io/istio"
_LOGS = "github.com/VictoriaMetrics/VictoriaLogs"

# In the order in which others wait for them.
BUILDS: tuple[Build, ...] = (
    Build(
        MODULES / "pulumi",
        "github.com/pulumi/pulumi/pkg/v3",
        {"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
        stamps=(f"{_SDK}/go/common/version.Version={{version}}",),
        files={"pulumi-language-python-exec": (_SDK, "python/cmd/pulumi-language-python-exec")},
        minutes=4,
    ),
    Build(
        # The last module that carried the host; it drives today's SDK.
        MODULES / "pulumi-language-python",
        _SDK,
        {"pulumi-language-python": f"{_SDK}/python/cmd/pulumi-language-python"},
        stamps=(f"{_SDK}/go/common/version.Version={{version}}",),
        minutes=0.4,
    ),
    Build(
        # For the tests only: runs programs that use the components from another language.
        MODULES / "pulumi-language-yaml",
        "github.com/pulumi/pulumi-yaml",
        {"pulumi-language-yaml": "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"},
        stamps=(f"{_SDK}/go/common/version.Version={{version}}",),
        minutes=1,
    ),
    Build(
        MODULES / "etcd",
        "go.etcd.io/etcd/server/v3",
        {"etcd": "go.etcd.io/etcd/server/v3"},
        minutes=0.6,
    ),
    Build(
        # Not 1.36: its kubelet asks for containerd 2, and Debian 12 has 1.6.
        MODULES / "kubernetes",
        _KUBERNETES,
        {"volume-provisioner": "./volume-provisioner"}
        | {
            name: f"{_KUBERNETES}/cmd/{name}"
            for name in (
                "kube-apiserver",
                "kubectl",
                "kube-controller-manager",
                "kube-scheduler",
                "kube-proxy",
                "kubelet",
            )
        },
        stamps=_KUBE_STAMPS,
        minutes=5.5,
    ),
    Build(
        MODULES / "pulumi-kubernetes",
        _PROVIDER,
        {"pulumi-resource-kubernetes": "."},
        stamps=(f"{_PROVIDER}/pkg/version.Version={{number}}",),
        release="v4.25.0",
        embeds={
            name: (_PROVIDER, f"cmd/pulumi-resource-kubernetes/{name}")
            for name in ("schema.json", "terraform-mapping.json")
        },
        minutes=5,
    ),
    Build(
        # For the tests only: which types the provider's own SDK, which it is built without, gives to objects.
        MODULES / "pulumi-kubernetes-sdk",
        _PROVIDER_SDK,
        {},
        files={"kinds.go": (_PROVIDER_SDK, "go/kubernetes/yaml/v2/kinds.go")},
        minutes=0.1,
    ),
    Build(
        MODULES / "istio",
        _ISTIO,
        {
            name: f"{_ISTIO}/{folder}/cmd/{name}"
            for folder, name in (
                ("pilot", "pilot-discovery"),
                ("pilot", "pilot-agent"),
                ("cni", "install-cni"),
                ("cni", "istio-cni"),
            )
        },
        # Upstream builds the control plane with the tag vtprotobuf, which writes messages faster and is a second copy
        # of all of Envoy's API to compile.
        stamps=(
            *(f"{_ISTIO}/pkg/version.{name}={{number}}" for name in ("buildVersion", "buildTag")),
            f"{_ISTIO}/pkg/version.buildHub=docker.io/istio",
            f"{_ISTIO}/pkg/version.buildStatus=Clean",
            f"{_ISTIO}/pkg/version.buildGitRevision=eed52ebb66ad",
        ),
        release="v1.31.0",
        # What pilot-agent makes Envoy's configuration from.
        files={"envoy_bootstrap_tmpl.json": (_ISTIO, "tools/packaging/common/envoy_bootstrap.json")},
        minutes=5,
    ),
    Build(
        # Not 0.160: the module proxy serves no service graph connector newer than 0.159.
        MODULES / "otelcol",
        "go.opentelemetry.io/collector/otelcol",
        {"otelcol": "."},
        minutes=3,
    ),
    Build(
        # The last release that is a Go module: later ones are tagged v2 without a module path of that name.
        MODULES / "jaeger",
        "github.com/jaegertracing/jaeger",
        {"jaeger": "github.com/jaegertracing/jaeger/cmd/jaeger"},
        stamps=("github.com/jaegertracing/jaeger/internal/version.latestVersion={version}",),
        minutes=3,
    ),
    Build(
        # Not 3.16: it asks for Go 1.26.7, and the newest 1.26 that comes as a wheel is 1.26.6.
        MODULES / "prometheus",
        "github.com/prometheus/prometheus",
        {name: f"github.com/prometheus/prometheus/cmd/{name}" for name in ("prometheus", "promtool")},
        stamps=("github.com/prometheus/common/version.Version={number}",),
        release="v3.15.0",
        minutes=2.5,
    ),
    Build(
        MODULES / "victoria-logs",
        _LOGS,
        {"victoria-logs": f"{_LOGS}/app/victoria-logs"},
        stamps=("github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version=victoria-logs-{version}",),
        minutes=0.4,
    ),
    Build(MODULES / "coredns", "github.com/coredns/coredns", {"coredns": "."}, minutes=1.5),
    Build(
        # For the tests only: reads what `make compose` writes by Docker Compose's own library.
        MODULES / "compose-check",
        "github.com/compose-spec/compose-go/v2",
        {"compose-check": "."},
        minutes=0.3,
    ),
    Build(MODULES / "pause", "", {"pause": "."}, release="v1.0.0", minutes=0.1),
    Build(
        # Only for renewing modules/otelcol: no group holds it.
        MODULES / "ocb",
        "go.opentelemetry.io/collector/cmd/builder",
        {"ocb": "go.opentelemetry.io/collector/cmd/builder"},
    ),
)

_PULUMI = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-kubernetes")
_MESH = ("pilot-discovery", "pilot-agent", "install-cni", "istio-cni", "envoy_bootstrap_tmpl.json")
_CONTROL_PLANE = ("etcd", "kube-apiserver", "kubectl")
GROUPS: dict[str, tuple[str, ...]] = {
    "engine": _PULUMI,
    "test": (
        *_PULUMI,
        "pulumi-language-yaml",
        *_CONTROL_PLANE,
        "kube-controller-manager",
        "otelcol",
        "prometheus",
        "promtool",
        "jaeger",
        "victoria-logs",
        "compose-check",
        "kinds.go",
    ),
    "node": (
        *_CONTROL_PLANE,
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
        "kubelet",
        "volume-provisioner",
    ),
    "istio": _MESH,
    "images": ("otelcol", "jaeger", "victoria-logs", "prometheus", "promtool", "coredns", "pause"),
    "all": tuple(program for build in BUILDS for program in build.programs if program != "ocb"),
}


def owner(name: str, builds: Iterable[Build] = BUILDS) -> Build:
    """The build that makes a program.

    Raises:
        CommandError: there is no such program.
    """
    for build in builds:
        if name in build.programs:
            return build
    raise CommandError(f"program {name!r}: not one of the toolchain's", remedy="see `otel-mesh node toolchain --list`")


def expand(words: Iterable[str], builds: Iterable[Build] = BUILDS) -> tuple[str, ...]:
    """Names of groups and programs as programs, once each, in the order of the builds.

    Raises:
        CommandError: a word is neither.
    """
    builds = tuple(builds)
    wanted = {name for word in words for name in GROUPS.get(word, (word,))}
    for name in wanted:
        owner(name, builds)
    return tuple(program for build in builds for program in build.programs if program in wanted)
