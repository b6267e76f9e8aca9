"""``python -m requirements.go_modules``: give modules that several folders share one version.

A package is compiled once per version of itself and of everything that it imports. Therefore a module that two programs
share has the same version in both go.mod files: the newest that either requires. Run it after changing a version, and
commit what it changes. It also counts the compilations of a build with empty caches in `compilations.json`,
which a test limits.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import run
from otel_mesh_embedded.toolchain import failures, golang
from otel_mesh_embedded.toolchain.programs import BUILDS, MODULES, TAGS, Build

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NO_CHECKSUM: Final = (
    "github.com/pulumi/pulumi-kubernetes/provider/v4",
    "github.com/open-telemetry/opentelemetry-collector-contrib/connector/servicegraphconnector",
)
"""Modules missing from the public checksum database at these versions; go.sum pins them from then on."""

APART: Final[Mapping[str, Mapping[str, str]]] = {
    # Kubernetes is built with the libraries of its own release; programs that can share them do.
    "kubernetes": {"k8s.io/": "kubernetes", "sigs.k8s.io/": "kubernetes"},
    "network-policies": {"k8s.io/": "kubernetes", "sigs.k8s.io/": "kubernetes"},
    "pulumi-kubernetes": {
        "k8s.io/": "kubernetes",
        "sigs.k8s.io/": "kubernetes",
        # Written for this release of Pulumi's Go API, which is not stable.
        "github.com/pulumi/pulumi/": "pulumi-kubernetes",
    },
    "otelcol": {
        "k8s.io/": "kubernetes",
        "sigs.k8s.io/": "kubernetes",
        # The Collector's modules fit together at one release only.
        "go.opentelemetry.io/collector": "otelcol",
        "github.com/open-telemetry/opentelemetry-collector-contrib": "otelcol",
    },
    # Needs the Collector, Prometheus and gRPC of its time: it shares only modules that import no others.
    "jaeger": {"golang.org/x/": "", "google.golang.org/protobuf": "", "github.com/klauspost/": "", "": "jaeger"},
    # promtool needs the HTTP client of its time.
    "prometheus": {"github.com/prometheus/": "prometheus"},
    # Newer than what the Collector and Prometheus need; a handful of packages, not worth building those two again.
    "alertmanager": {
        "github.com/go-openapi/analysis": "alertmanager",
        "github.com/pierrec/lz4/": "alertmanager",
        "go.opentelemetry.io/contrib/instrumentation/net/http/httptrace/": "alertmanager",
    },
    # A handful of packages of its own; the YAML library of another release candidate would not fit.
    "actionlint": {"": "actionlint"},
    # Its `cloud` commands pass YAML nodes of this library to another library that needs the same version.
    "pulumi": {"github.com/pb33f/": "pulumi"},
    # The last release of the SDK's module with a Python language host.
    "pulumi-language-python": {"github.com/pulumi/pulumi/": "pulumi-language-python"},
}
"""Group by prefix of modules, by folder: modules of a group have one version. All others share one unnamed group."""

COUNTED: Final = MODULES / "compilations.json"
_ROUNDS: Final = 6


def renew(builds: tuple[Build, ...] = BUILDS) -> None:
    """Raise shared modules in all folders until nothing changes.

    Raises:
        CommandError: a module does not resolve.
    """
    folders = [build for build in builds if build.module]
    used = {build.folder.name: _modules(build) for build in folders}
    for _ in range(_ROUNDS):
        newest: dict[tuple[str, str], str] = {}
        for folder, modules in used.items():
            for module, version in modules.items():
                key = group(folder, module), module
                newest[key] = max(newest.get(key, version), version, key=order)
        raised = False
        for build in folders:
            folder = build.folder.name
            wanted = {
                module: newest[group(folder, module), module]
                for module, version in used[folder].items()
                if module != build.module and newest[group(folder, module), module] != version
            }
            if wanted:
                raised = True
                print(f"{folder}: {len(wanted)} modules raised", flush=True)
                _go(build.folder, "mod", "edit", *(f"-require={name}@{version}" for name, version in wanted.items()))
                _go(build.folder, "mod", "tidy")
                used[folder] = _modules(build)
        if not raised:
            return
    raise CommandError(f"{MODULES}: versions still differ after {_ROUNDS} rounds", remedy="set one of them APART")


def count(builds: tuple[Build, ...] = BUILDS) -> dict[str, Any]:
    """Count the packages that the programs are compiled from.

    Returns:
        ``packages`` by folder and their ``sum``; ``compilations``, the number of distinct compilations, as a package
        with other imports is compiled again; and ``inputs``, the value of `inputs` for the counted folders.
    """
    packages: dict[str, int] = {}
    distinct: set[str] = set()
    for build in builds:
        keys: dict[str, str] = {}
        for package in _packages(build):
            module = package.get("Module", {})
            module = module.get("Replace", module)
            # A module replaced by a folder, or one of our own, has no version: it is compiled for this build alone.
            version = module.get("Version", build.folder.name if module else "std")
            below = sorted(keys[name] for name in package.get("Imports", ()) if name in keys)
            text = json.dumps([package["ImportPath"], version, package.get("GoFiles"), below])
            keys[package["ImportPath"]] = hashlib.sha256(text.encode()).hexdigest()
        packages[build.folder.name] = len(keys)
        distinct.update(keys.values())
    return {
        "compilations": len(distinct),
        "sum": sum(packages.values()),
        "packages": packages,
        "inputs": inputs(builds),
    }


def inputs(builds: tuple[Build, ...] = BUILDS) -> str:
    """Hash of everything that the count depends on."""
    digest = hashlib.sha256(" ".join(TAGS).encode())
    for build in builds:
        digest.update(json.dumps([build.folder.name, *build.packages.values()]).encode())
        for path in sorted(build.folder.rglob("*")):
            if path.name in ("go.mod", "go.sum") or path.suffix == ".go":
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _modules(build: Build) -> dict[str, str]:
    """Version by module, for modules that the build compiles packages of."""
    found: dict[str, str] = {}
    for package in _packages(build):
        module = package.get("Module", {})
        module = module.get("Replace", module)
        if "Version" in module:
            found[module["Path"]] = module["Version"]
    return found


def _packages(build: Build) -> Iterator[dict[str, Any]]:
    """Packages that the build compiles, each after its imports."""
    if not build.packages:
        return
    for name in build.embeds:
        (build.folder / name).touch()
    fields = "-json=ImportPath,Imports,GoFiles,Module"
    try:
        lacking = ["-e"] if build.added else []  # embedded files that the module lacks are an error otherwise
        listed = _go(build.folder, "list", *lacking, "-deps", fields, "-tags", ",".join(TAGS), *build.packages.values())
    finally:
        for name in build.embeds:
            (build.folder / name).unlink()
    decoder, position = json.JSONDecoder(), 0
    while position < len(listed):
        package, position = decoder.raw_decode(listed, position)
        position = len(listed) - len(listed[position:].lstrip())
        yield package


def group(folder: str, module: str) -> str:
    """Group in which a folder's module has one version: one of `APART`, or the unnamed one."""
    return next((group for prefix, group in APART.get(folder, {}).items() if module.startswith(prefix)), "")


def order(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]:
    """Sort key of semantic versions; a pre-release comes before its release."""
    found = re.match(r"v(\d+)\.(\d+)\.(\d+)(?:-([^+]+))?", version)
    if found is None:
        raise CommandError(f"{version}: not a module version", remedy="restore go.mod from the repository")
    numbers, before = tuple(int(found[part]) for part in (1, 2, 3)), found[4]
    parts = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in (before or "").split("."))
    return numbers, before is None, parts


def _go(folder: Path, *arguments: str) -> str:
    own = {"GOFLAGS": "-mod=mod", "GONOSUMDB": ",".join(NO_CHECKSUM), "GOTOOLCHAIN": "local"}
    done = run(
        [golang.find().command, *arguments],
        cwd=folder,
        env={**os.environ, **own, "GOWORK": "off", "CGO_ENABLED": "0"},
    )
    if not done.ok:
        reason, remedy = failures.explain(done.stderr)
        raise CommandError(f"{folder / 'go.mod'}: {reason}", remedy=remedy)
    return done.stdout


if __name__ == "__main__":
    try:
        renew()
        COUNTED.write_text(json.dumps(count(), indent=2) + "\n")
    except CommandError as error:
        print(f"otel-mesh: {error}", file=sys.stderr)
        sys.exit(2)
