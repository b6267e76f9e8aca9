"""``python -m otel_mesh_embedded.toolchain.renewing``: bring what the module folders have in common to one version.

A package is compiled once per version of itself and of all that it imports. So whatever two programs share stands at
one version in both go.mod files: the newest that any of them asks for. Run it after a change of a version, and commit
what it changes. It also counts what empty caches cost, in `modules/compilations.json`, which a test holds to a limit.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.toolchain import failures, golang
from otel_mesh_embedded.toolchain.programs import BUILDS, MODULES, TAGS, Build

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NO_CHECKSUM: Final = (
    "github.com/pulumi/pulumi-kubernetes/provider/v4",
    "github.com/open-telemetry/opentelemetry-collector-contrib/connector/servicegraphconnector",
)
"""Modules that the public checksum database does not know at these versions; from then on go.sum pins them."""

APART: Final[Mapping[str, Mapping[str, str]]] = {
    # Kubernetes is built with the libraries of its own release; the programs that can be share them.
    "kubernetes": {"k8s.io/": "kubernetes", "sigs.k8s.io/": "kubernetes"},
    "pulumi-kubernetes": {
        "k8s.io/": "kubernetes",
        "sigs.k8s.io/": "kubernetes",
        # Written for this release of Pulumi's Go API, which changes.
        "github.com/pulumi/pulumi/": "pulumi-kubernetes",
    },
    "otelcol": {
        "k8s.io/": "kubernetes",
        "sigs.k8s.io/": "kubernetes",
        # The Collector's modules fit together at one release only.
        "go.opentelemetry.io/collector": "otelcol",
        "github.com/open-telemetry/opentelemetry-collector-contrib": "otelcol",
    },
    # Written for the Collector, the Prometheus and the gRPC of its time: it shares the leaves only.
    "jaeger": {"golang.org/x/": "", "google.golang.org/protobuf": "", "github.com/klauspost/": "", "": "jaeger"},
    # promtool asks by the HTTP client of its time.
    "prometheus": {"github.com/prometheus/": "prometheus"},
    # Its `cloud` commands hand this library's YAML nodes to another one of the same version.
    "pulumi": {"github.com/pb33f/": "pulumi"},
    # The last Python host in the SDK's module: today's SDK has none.
    "pulumi-language-python": {"github.com/pulumi/pulumi/": "pulumi-language-python"},
}
"""Folder -> prefix of modules -> the group within which those modules stand at one version. All others share."""

COUNTED: Final = MODULES / "compilations.json"
_ROUNDS: Final = 6


def renew(builds: tuple[Build, ...] = BUILDS) -> None:
    """Raise shared modules in all folders until nothing changes, then tidy.

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
    """How many packages the programs are compiled from.

    Returns:
        ``packages`` per folder, their ``sum``, and ``compilations``: how many of them differ, be it in what they import
        only, and so are compiled; ``inputs`` is `inputs` of the folders that were counted.
    """
    packages: dict[str, int] = {}
    distinct: set[str] = set()
    for build in builds:
        keys: dict[str, str] = {}
        for package in _packages(build):
            module = package.get("Module", {})
            module = module.get("Replace", module)
            # One that is replaced by a folder, or is a program of ours, has no version: it is compiled for this build.
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
    """A hash of all that the count depends on."""
    digest = hashlib.sha256(" ".join(TAGS).encode())
    for build in builds:
        digest.update(json.dumps([build.folder.name, *build.packages.values()]).encode())
        for path in sorted(build.folder.rglob("*")):
            if path.name in ("go.mod", "go.sum") or path.suffix == ".go":
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _modules(build: Build) -> dict[str, str]:
    """The modules that the build's programs have packages of, with their versions."""
    found: dict[str, str] = {}
    for package in _packages(build):
        module = package.get("Module", {})
        module = module.get("Replace", module)
        if "Version" in module:
            found[module["Path"]] = module["Version"]
    return found


def _packages(build: Build) -> Iterator[dict[str, Any]]:
    """What the build compiles, each after all that it imports."""
    if not build.packages:
        return
    for name in build.embeds:
        (build.folder / name).touch()
    fields = "-json=ImportPath,Imports,GoFiles,Module"
    try:
        told = _go(build.folder, "list", "-deps", fields, "-tags", ",".join(TAGS), *build.packages.values())
    finally:
        for name in build.embeds:
            (build.folder / name).unlink()
    decoder, position = json.JSONDecoder(), 0
    while position < len(told):
        package, position = decoder.raw_decode(told, position)
        position = len(told) - len(told[position:].lstrip())
        yield package


def group(folder: str, module: str) -> str:
    """Within which a folder's module stands at one version: one of `APART`, or all that share, which has no name."""
    return next((group for prefix, group in APART.get(folder, {}).items() if module.startswith(prefix)), "")


def order(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]:
    """Semantic versions in their order; a pre-release comes before its release."""
    found = re.match(r"v(\d+)\.(\d+)\.(\d+)(?:-([^+]+))?", version)
    if found is None:
        raise CommandError(f"{version}: is not a module version", remedy="restore go.mod from the repository")
    numbers, before = tuple(int(found[part]) for part in (1, 2, 3)), found[4]
    parts = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in (before or "").split("."))
    return numbers, before is None, parts


def _go(folder: Path, *arguments: str) -> str:
    go = golang.find()
    done = subprocess.run(
        [go.command, *arguments],
        cwd=folder,
        env={
            **os.environ,
            "GOFLAGS": "-mod=mod",
            "GONOSUMDB": ",".join(NO_CHECKSUM),
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "CGO_ENABLED": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
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
