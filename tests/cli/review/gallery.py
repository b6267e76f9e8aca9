"""A gallery of changes to stack `prod`, each made as a person would make it: in the stack's file or the catalog."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import yaml

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.review import sides
from otel_mesh_cli.review.model import Version
from otel_mesh_cli.review.report import Report, Side
from otel_mesh_cli.stacks.declared import declared

if TYPE_CHECKING:
    from pathlib import Path

STACK: Final = "prod"
FILE: Final = f"Pulumi.{STACK}.yaml"
CATALOG: Final = "infra/otel_mesh_stack/services.py"
SECRET: Final = "canary-3f9c0d"  # noqa: S105 - what no report may show
COMMAND: Final = "otel-mesh review --stack prod --against main"


@dataclass(frozen=True)
class Case:
    """A change.

    Attributes:
        name: Name of the case.
        verdict: What the report says first.
        edits: Texts that are replaced, by file.
    """

    name: str
    verdict: str
    edits: tuple[tuple[str, str, str], ...]


def _settings(old: str, new: str) -> tuple[tuple[str, str, str], ...]:
    return ((FILE, old, new),)


_END: Final = "        tolerations: *quick_to_leave\n"
_SERVICES: Final = _END + "    services:\n"

CASES: Final = (
    Case("nothing changes", "Nothing changes.", _settings("config:\n", "config: # a comment\n")),
    Case(
        "caller added",
        "1 call is newly allowed and no data is deleted.",
        _settings(
            _END,
            _SERVICES + "      payment-service:\n        callers: [{ namespace: reviews, service_account: reviews }]\n",
        ),
    ),
    Case(
        "caller removed",
        "1 call is refused, 1 workload restarts and no data is deleted.",
        ((CATALOG, '"calls": [_PAYMENTS],\n            "stores"', '"stores"'),),
    ),
    Case(
        "store no longer used",
        "1 call is refused, 1 workload restarts and no data is deleted.",
        ((CATALOG, '"port": 8083, "stores": [POSTGRES], "metrics"', '"port": 8083, "metrics"'),),
    ),
    Case(
        "service renamed",
        "1 call is refused, 3 calls are newly allowed, 3 workloads restart and no data is deleted.",
        ((CATALOG, '"user-service"', '"member-service"'),),
    ),
    Case(
        "service exposed",
        "1 call is newly allowed, 2 routes change, 1 workload restarts, the checks find 1 new warning and no data"
        " is deleted.",
        (
            (
                CATALOG,
                '"port": 8082,\n',
                '"port": 8082,\n            "exposed": True,\n            "path_prefix": "/orders",\n',
            ),
        ),
    ),
    Case(
        "sampling cut",
        "Telemetry is lost in 1 place and no data is deleted.",
        _settings("ingress_percentage: 100", "ingress_percentage: 10"),
    ),
    Case(
        "ordinary traces dropped",
        "Telemetry is lost in 1 place, 1 workload restarts and no data is deleted.",
        _settings("sampling_percentage: 10\n", "sampling_percentage: 1\n"),
    ),
    Case(
        "volumes replaced",
        "Data is deleted or replaced in 6 objects.",
        _settings("storage_class: ssd", "storage_class: fast"),
    ),
    Case(
        "logs no longer stored",
        "1 workload restarts and data is deleted or replaced in 1 object.",
        _settings(
            "storage: { kind: persistent, size: 100Gi }\n    prometheus", "storage: { kind: ephemeral }\n    prometheus"
        ),
    ),
    Case(
        "secret renamed",
        "2 workloads restart and no data is deleted.",
        _settings("existing_secret: redis-credentials", f"existing_secret: redis-{SECRET.partition('-')[0]}"),
    ),
    Case(
        "mesh upgraded",
        "3 versions change, 5 workloads restart and no data is deleted.",
        _settings(
            "        control_plane:\n          replicas: 2",
            "        version: 1.31.3\n        control_plane:\n          replicas: 2",
        ),
    ),
    Case(
        "mesh left",
        "1 call is refused, 4 calls are newly allowed, mTLS is weakened in 1 place, 8 workloads leave the mesh,"
        " 2 routes change, 11 workloads restart and data is deleted or replaced in 3 objects.",
        _settings("kind: istio", "kind: none"),
    ),
    Case(
        "namespace renamed",
        "6 calls are refused, 5 calls are newly allowed, 2 routes change and data is deleted or replaced in 4 objects.",
        _settings("    storage_class: ssd", "    namespaces: { services: store }\n    storage_class: ssd"),
    ),
    Case(
        "image changed",
        "1 version changes and no data is deleted.",
        _settings("    jaeger:\n", "    jaeger:\n      image: registry.example.com/jaeger:2.99\n"),
    ),
    Case(
        "fewer pods",
        "4 workloads change their number of pods and no data is deleted.",
        _settings("service_defaults:\n      replicas: 3", "service_defaults:\n      replicas: 2"),
    ),
    Case(
        "log level raised",
        "4 workloads restart and no data is deleted.",
        _settings("service_defaults:\n", "service_defaults:\n      log_level: WARNING\n"),
    ),
)


@cache
def base() -> Side:
    """The checkout's stack."""
    text = (repo_dir() / FILE).read_text()
    catalog = (repo_dir() / CATALOG).read_text()
    return Side("main", _version(text), {FILE: text, CATALOG: catalog})


def proposed(case: Case, scratch: Path) -> Side:
    """The checkout's stack with a change.

    Args:
        case: The change.
        scratch: Folder for a copy of the program, which a change of the catalog needs.
    """
    sources = dict(base().sources)
    for file, old, new in case.edits:
        assert old in sources[file], f"{case.name}: {old!r} is not in {file}"
        sources[file] = sources[file].replace(old, new)
    if {file for file, _, _ in case.edits} == {FILE}:
        return Side("change", _version(sources[FILE]), sources)
    for name in ("components", "infra"):
        shutil.copytree(repo_dir() / name, scratch / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repo_dir() / "Pulumi.yaml", scratch)
    for file, text in sources.items():
        (scratch / file).write_text(text)
    return sides.read(scratch, STACK, "change", case.name)


def report(case: Case, scratch: Path) -> Report:
    """The report on a change; arguments as of `proposed`."""
    return Report(STACK, base(), proposed(case, scratch), COMMAND)


def _version(text: str) -> Version:
    config = yaml.safe_load(text)["config"]
    return Version(tuple(declared(STACK, config)), config["otel-mesh:settings"]["environment"])
