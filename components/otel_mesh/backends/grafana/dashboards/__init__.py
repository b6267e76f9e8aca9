"""Grafana's dashboards of what the components emit: JSON made by ``dashboards/`` of the repository, packaged here."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import TYPE_CHECKING, Final

from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.json")


def own() -> dict[str, str]:
    """The library's dashboards, name of the file to text."""
    found = (one for one in resources.files(__name__).iterdir() if _FILE.fullmatch(one.name))
    return {one.name: one.read_text() for one in sorted(found, key=lambda one: one.name)}


def with_own(further: Mapping[str, str]) -> dict[str, str]:
    """The library's dashboards and further ones.

    Raises:
        InvalidSettingsError: one of the further ones is no dashboard, or has the name or uid of another.
    """
    problems = list(_problems(further))
    if problems:
        raise InvalidSettingsError(problems)
    return {**own(), **further}


def _problems(further: Mapping[str, str]) -> Iterator[Problem]:
    taken = own()
    uids = {json.loads(text)["uid"]: name for name, text in taken.items()}
    for name, text in further.items():
        path = join_path("dashboards", name or "''")
        if not _FILE.fullmatch(name):
            yield Problem(path, "is no file's name", "write one such as orders.json")
        if name in taken:
            yield Problem(path, "is the name of one of the library's own", "choose another")
        try:
            content = json.loads(text)
        except ValueError:
            yield Problem(path, "is not JSON", "export the dashboard from Grafana again")
            continue
        uid = content.get("uid") if isinstance(content, dict) else None
        if not isinstance(uid, str) or not uid or not content.get("title"):
            yield Problem(path, "is no dashboard with 'uid' and 'title'", "give it both")
        elif uid in uids:
            yield Problem(path, f"has the uid '{uid}', as {uids[uid]} has", "give it another")
        else:
            uids[uid] = name
