"""Origins of programs: PATH, upstream's releases or Go modules, in the order that a setting gives."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, get_args
from urllib.parse import urlsplit

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded import root_only
from otel_mesh_embedded.toolchain import artefacts, fetching, golang, on_path
from otel_mesh_embedded.toolchain.programs import owner
from otel_mesh_embedded.toolchain.releases import OFFERS, offers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from otel_mesh_embedded.toolchain.programs import Build
    from otel_mesh_embedded.toolchain.releases import Offer

SETTING: Final = "OTEL_MESH_PROGRAMS"
Origin = Literal["path", "official", "modules"]
ORDER: Final[tuple[Origin, ...]] = get_args(Origin)
_NAMED: Final = 3  # missing programs that a message names
_TITLES: Final = {"path": "PATH", "official": "upstream's releases", "modules": "Go modules"}


@dataclass(frozen=True)
class Choice:
    """One program and its origin."""

    name: str
    origin: Origin
    version: str
    file: Path
    refused: str = ""
    """Why the program on PATH is not taken; empty if there is none."""


def order() -> tuple[Origin, ...]:
    """Origins in the order of preference: `OTEL_MESH_PROGRAMS`, by default `ORDER`.

    Raises:
        CommandError: the setting is empty, repeats an origin or names an unknown one.
    """
    words = [word.strip() for word in os.environ.get(SETTING, ",".join(ORDER)).split(",")]
    known: dict[str, Origin] = {word: word for word in ORDER}
    if any(word not in known for word in words) or len(set(words)) != len(words):
        raise CommandError(
            f"{SETTING}={','.join(words)}: not a list of origins of programs",
            remedy=f"name some of {', '.join(ORDER)}, once each, the preferred first",
        )
    return tuple(known[word] for word in words)


def choose(
    programs: Sequence[str],
    builds: Sequence[Build],
    build: Callable[[Sequence[str]], None],
    offers: Sequence[Offer] = OFFERS,
) -> tuple[Choice, ...]:
    """Choose what is on this machine already, in the order of preference; then get what is missing in the same order.

    Args:
        programs: names.
        builds: builds from Go modules.
        build: builds programs from Go modules.
        offers: other origins of programs.

    Raises:
        CommandError: the setting is wrong, a build failed, no origin in the setting has a program, or another user
            could change what root is about to run.
    """
    wanted = order()
    root_only.require(artefacts.tools_dir())
    chosen, missing = _found(wanted, programs, builds, offers)
    for origin in wanted:
        got: dict[str, Choice] = {}
        if origin == "official":
            got = _fetched(missing, programs)
        elif origin == "modules" and missing:
            build([name for offer in missing for name in offer.programs if name in programs])
            got, _ = _found([origin], [name for name in programs if name not in chosen], builds, missing)
        chosen |= got
        missing = [offer for offer in missing if not all(name in got for name in offer.programs if name in programs)]
    if missing:
        names = [name for offer in missing for name in offer.programs if name in programs]
        raise CommandError(
            f"programs {', '.join(names)}: not to be had from {' or '.join(_TITLES[origin] for origin in wanted)}",
            remedy=f"let {SETTING} name another origin too ({', '.join(ORDER)})",
        )
    if "path" in wanted:
        for offer in offers:
            first = chosen.get(offer.programs[0])
            if first and first.origin != "path" and (why := on_path.look(offer).refused):
                chosen[first.name] = replace(first, refused=why)
    return _checked(chosen[name] for name in programs)


def present(programs: Sequence[str], builds: Sequence[Build], offers: Sequence[Offer] = OFFERS) -> tuple[Choice, ...]:
    """The programs that `choose` gives if all are on this machine; nothing is fetched, built or asked for.

    Raises:
        CommandError: a program is missing, the setting is wrong, or another user could change what root would run.
    """
    chosen, missing = _found(order(), programs, builds, offers)
    if missing:
        absent = [name for name in programs if name not in chosen]
        names = ", ".join([*absent[:_NAMED], *(["..."] if len(absent) > _NAMED else [])])
        raise CommandError(
            f"{len(absent)} of this checkout's {len(programs)} programs are not here ({names})",
            remedy="run `otel-mesh up`, which provides them",
        )
    return _checked(chosen[name] for name in programs)


def available(programs: Sequence[str], builds: Sequence[Build], offers: Sequence[Offer] = OFFERS) -> dict[str, Path]:
    """Those of the programs that are on this machine, in any version on PATH; nothing is fetched, built or asked for.

    Raises:
        CommandError: the setting is wrong, or another user could change what root would run.
    """
    wanted = order()
    chosen, _ = _found(wanted, programs, builds, offers)
    found = {one.name: one.file for one in _checked(chosen.values())}
    if "path" in wanted:
        absent = (name for name in programs if name not in found)
        found |= {name: file for name in absent if (file := on_path.any_version(name))}
    return found


def summary(choices: Iterable[Choice]) -> list[str]:
    """Lines such as ``programs: 1 from PATH (kubectl 1.34.2), 20 from Go modules``, and one per refused program."""
    choices = tuple(choices)
    parts = []
    for origin in ORDER:
        found = [choice for choice in choices if choice.origin == origin]
        if found:
            named = ", ".join(f"{choice.name} {choice.version.removeprefix('v')}" for choice in found)
            parts.append(f"{len(found)} from {_TITLES[origin]}" + ("" if origin == "modules" else f" ({named})"))
    refused = [f"{choice.name} of PATH is not taken: {choice.refused}" for choice in choices if choice.refused]
    return [f"programs: {', '.join(parts)}", *refused]


def _checked(choices: Iterable[Choice]) -> tuple[Choice, ...]:
    choices = tuple(choices)
    for choice in choices:
        root_only.require(choice.file)
    return choices


def _found(
    wanted: Sequence[Origin], programs: Sequence[str], builds: Sequence[Build], offers: Iterable[Offer]
) -> tuple[dict[str, Choice], list[Offer]]:
    """Programs on this machine, each from the most preferred origin that has it, and the offers of the rest."""
    chosen: dict[str, Choice] = {}
    missing: list[Offer] = []
    for offer in offers_of(programs, offers):
        names = [name for name in offer.programs if name in programs]
        for origin in wanted:
            version, files = _here(origin, offer, names, builds)
            if files:
                chosen |= {name: Choice(name, origin, version, files[name]) for name in names}
                break
        else:
            missing.append(offer)
    return chosen, missing


def _here(
    origin: Origin, offer: Offer, names: Sequence[str], builds: Sequence[Build]
) -> tuple[str, Mapping[str, Path]]:
    """Version and files of an offer's programs on this machine; no files unless all are here."""
    if origin == "path":
        seen = on_path.look(offer)
        return seen.version, seen.files
    version = owner(names[0], builds).version
    if origin == "official":
        return version, fetching.here(offer)
    if not all((artefacts.tools_dir() / name).is_dir() for name in names) or not (go := golang.here()):
        return version, {}  # a Go that would have to be fetched has built nothing yet
    built = {name: artefacts.path(name, owner(name, builds), go) for name in names}
    return version, built if all(file.exists() for file in built.values()) else {}


def _fetched(missing: Iterable[Offer], programs: Sequence[str]) -> dict[str, Choice]:
    """Programs out of the releases that can be fetched; a host that does not answer is asked once."""
    got: dict[str, Choice] = {}
    silent: set[str] = set()
    for offer in missing:
        if offer.release is None or (host := urlsplit(offer.release.url).netloc) in silent:
            continue
        try:
            files = fetching.fetch(offer)
        except fetching.NotFetchedError as error:
            _say_once(f"{offer.programs[0]} {offer.version}: not from upstream's releases: {error}")
            if isinstance(error, fetching.HostSilentError):
                silent.add(host)
            continue
        _say_once(f"{', '.join(offer.programs)} {offer.version}: from upstream's release, its SHA-256 as pinned")
        got |= {name: Choice(name, "official", offer.version, file) for name, file in files.items() if name in programs}
    return got


@cache
def _say_once(line: str) -> None:
    print(f"toolchain: {line}", file=sys.stderr, flush=True)
