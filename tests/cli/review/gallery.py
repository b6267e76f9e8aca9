"""The two sides of each case of the gallery, by the stack's program, and the report on them."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import yaml

from otel_mesh_cli.checks import replay
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.oncall import options
from otel_mesh_cli.review import sides, traffic
from otel_mesh_cli.review.model import Version
from otel_mesh_cli.review.report import Report, Side
from otel_mesh_cli.stacks.declared import declared
from otel_mesh_stack.services import CATALOG as DECLARED
from tests.cli.review.cases import CATALOG, FILE, STACK, Case, Edit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECRETS: Final = ("canary-3f9c0d", "canary-b81e57")
"""Secret values of the base and of the proposed version, which no report may show."""
COMMAND: Final = "otel-mesh review --stack prod --against main"
_WEEK_END_US: Final = 1_800_000_000_000_000
_LAST_CALL_S: Final = 1_799_990_000.0


def edited(texts: Mapping[str, str], edits: tuple[Edit, ...]) -> dict[str, str]:
    """Texts of files after edits.

    Args:
        texts: Texts by path.
        edits: Edits; a file that has no text here is the checkout's.
    """
    made = dict(texts)
    for file, old, new in edits:
        text = made.get(file) or (repo_dir() / file).read_text()
        assert old in text, f"{old!r} is not in {file}"
        made[file] = text.replace(old, new)
    return made


@cache
def base(edits: tuple[Edit, ...] = ()) -> Side:
    """The checkout's stack, with edits of the stack's file.

    Args:
        edits: The edits.
    """
    sources = edited({name: (repo_dir() / name).read_text() for name in (FILE, CATALOG)}, edits)
    return Side("main", _version(sources[FILE]), sources)


def proposed(case: Case, scratch: Path) -> Side:
    """The base with a change.

    Args:
        case: The change.
        scratch: Folder for a copy of the program, which a change of anything but the stack's file needs.
    """
    texts = edited(base(case.base).sources, case.edits)
    if {file for file, _, _ in case.edits} == {FILE}:
        return Side("change", _version(texts[FILE]), texts)
    for name in ("components", "infra"):
        shutil.copytree(repo_dir() / name, scratch / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repo_dir() / "Pulumi.yaml", scratch)
    for file, text in texts.items():
        (scratch / file).write_text(text)
    return sides.read(scratch, STACK, "change", case.name)


def report(case: Case, scratch: Path) -> Report:
    """The report on a change; arguments as of `proposed`."""
    found = Report(STACK, base(case.base), proposed(case, scratch), COMMAND)
    if not case.seen:
        return found
    window = options.window("7d", end_us=_WEEK_END_US)
    last = {pair: _LAST_CALL_S for pair, _ in case.seen}
    judged = replay.judged(found.after.version.index, DECLARED, case.seen, last, window)
    return replace(found, traffic=traffic.judged(found.before.version.index, judged))


def with_secrets(found: Report) -> Report:
    """The report on the same sides, each with Secrets of its own values.

    Args:
        found: The report.
    """
    before, after = (
        replace(side, version=Version((*side.version.manifests, *_secrets(value)), side.version.environment))
        for side, value in zip((found.before, found.after), SECRETS, strict=True)
    )
    return replace(found, before=before, after=after)


def _secrets(value: str) -> list[dict[str, Any]]:
    """A Secret as a program writes it, and one as `kubectl apply` leaves it."""
    encoded = base64.b64encode(value.encode()).decode()
    metadata = {"name": "written", "namespace": "shop"}
    written = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": value}}
    note = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(written)}
    applied = {**written, "metadata": {**metadata, "name": "applied", "annotations": note}, "data": {"key": encoded}}
    del applied["stringData"]
    return [written, applied]


def _version(text: str) -> Version:
    config = yaml.safe_load(text)["config"]
    return Version(tuple(declared(STACK, config)), config["otel-mesh:settings"]["environment"])
