"""``python -m local.toolchain.renewing``: bring what the module folders have in common to one version.

A package is compiled once per version of itself and of all that it imports. So whatever two programs share stands at
one version in both go.mod files: the newest that any of them asks for. Run it after a change of a version, and commit
what it changes; `tests/local/test_toolchain_sharing.py` counts what a cold start compiles.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local.errors import LocalError
from local.toolchain import failures, golang
from local.toolchain.programs import BUILDS, MODULES, TAGS, Build

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
    # Written for the Collector of its time.
    "jaeger": {
        "go.opentelemetry.io/collector": "jaeger",
        "github.com/open-telemetry/opentelemetry-collector-contrib": "jaeger",
    },
    # The last Python host in the SDK's module: today's SDK has none.
    "pulumi-language-python": {"github.com/pulumi/pulumi/": "pulumi-language-python"},
}
"""Folder -> prefix of modules -> the group within which those modules stand at one version. All others share."""

_ROUNDS: Final = 6


def renew(builds: tuple[Build, ...] = BUILDS) -> None:
    """Raise shared modules in all folders until nothing changes, then tidy.

    Raises:
        LocalError: a module does not resolve.
    """
    folders = [build for build in builds if build.module]
    used = {build.folder.name: _modules(build) for build in folders}
    for _ in range(_ROUNDS):
        newest: dict[tuple[str, str], str] = {}
        for folder, modules in used.items():
            for module, version in modules.items():
                key = _group(folder, module), module
                newest[key] = max(newest.get(key, version), version, key=_order)
        raised = False
        for build in folders:
            folder = build.folder.name
            wanted = {
                module: newest[_group(folder, module), module]
                for module, version in used[folder].items()
                if module != build.module and newest[_group(folder, module), module] != version
            }
            if wanted:
                raised = True
                print(f"{folder}: {len(wanted)} modules raised", flush=True)
                _go(build.folder, "mod", "edit", *(f"-require={name}@{version}" for name, version in wanted.items()))
                _go(build.folder, "mod", "tidy")
                used[folder] = _modules(build)
        if not raised:
            return
    raise LocalError(f"{MODULES}: versions still differ after {_ROUNDS} rounds", remedy="set one of them APART")


def _modules(build: Build) -> dict[str, str]:
    """The modules that the build's programs have packages of, with their versions."""
    for name in build.embeds:
        (build.folder / name).touch()
    try:
        told = _go(build.folder, "list", "-deps", "-json=Module", "-tags", ",".join(TAGS), *build.packages.values())
    finally:
        for name in build.embeds:
            (build.folder / name).unlink()
    found: dict[str, str] = {}
    decoder, position = json.JSONDecoder(), 0
    while position < len(told):
        package, position = decoder.raw_decode(told, position)
        position = len(told) - len(told[position:].lstrip())
        module = package.get("Module", {})
        module |= module.get("Replace", {})
        if "Version" in module:
            found[module["Path"]] = module["Version"]
    return found


def _group(folder: str, module: str) -> str:
    return next((group for prefix, group in APART.get(folder, {}).items() if module.startswith(prefix)), "")


def _order(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]:
    """Semantic versions in their order; a pre-release comes before its release."""
    found = re.match(r"v(\d+)\.(\d+)\.(\d+)(?:-([^+]+))?", version)
    if found is None:
        raise LocalError(f"{version}: is not a module version", remedy="restore go.mod from the repository")
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
        raise LocalError(f"{folder / 'go.mod'}: {reason}", remedy=remedy)
    return done.stdout


if __name__ == "__main__":
    try:
        renew()
    except LocalError as error:
        print(f"otel-mesh: {error}", file=sys.stderr)
        sys.exit(2)
