"""Where each program comes from: PATH, upstream's releases or Go modules, in the order that a setting gives."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal, get_args

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.toolchain import artefacts, fetching, golang, hosts, on_path
from otel_mesh_embedded.toolchain.programs import owner
from otel_mesh_embedded.toolchain.releases import OFFERS, offers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from otel_mesh_embedded.toolchain.golang import Go
    from otel_mesh_embedded.toolchain.programs import Build
    from otel_mesh_embedded.toolchain.releases import Offer

SETTING = "OTEL_MESH_PROGRAMS"
Origin = Literal["path", "official", "modules"]
ORDER: tuple[Origin, ...] = get_args(Origin)
_NAMED = 3  # of those that are missing, in a message
_TOLD = {"path": "PATH", "official": "upstream's releases", "modules": "Go modules"}


@dataclass(frozen=True)
class Choice:
    """One program's file, where it came from, and why what PATH has was not taken."""

    name: str
    origin: Origin
    version: str
    file: Path
    refused: str = ""


def order() -> tuple[Origin, ...]:
    """The order of preference: `OTEL_MESH_PROGRAMS`, by default all in the order of `ORDER`.

    Raises:
        CommandError: the setting names something else, or nothing.
    """
    words = [word.strip() for word in os.environ.get(SETTING, ",".join(ORDER)).split(",")]
    known: dict[str, Origin] = {word: word for word in ORDER}
    if not words or any(word not in known for word in words) or len(set(words)) != len(words):
        raise CommandError(
            f"{SETTING}={','.join(words)}: not a list of places for programs",
            remedy=f"name some of {', '.join(ORDER)}, once each, the preferred first",
        )
    return tuple(known[word] for word in words)


def choose(
    programs: Sequence[str],
    builds: Sequence[Build],
    build: Callable[[Sequence[str]], None],
    offers: Iterable[Offer] = OFFERS,
) -> tuple[Choice, ...]:
    """Choose for each program what is here already, in the order of preference; then get what is missing likewise.

    Args:
        programs: names.
        builds: how they come out of Go modules.
        build: makes the programs it is given from modules.
        offers: what PATH and upstream may give.

    Raises:
        CommandError: the setting is wrong, a build failed, or no place that the setting names has a program.
    """
    wanted = order()
    chosen, missing = _found(wanted, programs, builds, offers)
    if missing:
        chosen |= _get(wanted, missing, programs, builds, build)
    if "path" in wanted:
        for offer in offers:
            first = chosen.get(offer.programs[0])
            if first and first.origin != "path" and (why := on_path.look(offer).refused):
                chosen[first.name] = replace(first, refused=why)
    return tuple(chosen[name] for name in programs)


def present(programs: Sequence[str], builds: Sequence[Build], offers: Iterable[Offer] = OFFERS) -> tuple[Choice, ...]:
    """The programs that `choose` gives, where all of them are here already: nothing is fetched, built or asked for.

    Raises:
        CommandError: some are not here, or the setting is wrong.
    """
    chosen, missing = _found(order(), programs, builds, offers)
    if missing:
        absent = [name for name in programs if name not in chosen]
        names = ", ".join([*absent[:_NAMED], *(["..."] if len(absent) > _NAMED else [])])
        raise CommandError(
            f"{len(absent)} of this checkout's {len(programs)} programs are not here ({names})",
            remedy="run `make up`, which provides them",
        )
    return tuple(chosen[name] for name in programs)


def summary(choices: Iterable[Choice]) -> list[str]:
    """What was chosen, such as ``programs: 1 from PATH (kubectl 1.34.2), 20 from Go modules``, and what was not."""
    parts = []
    for origin in ORDER:
        found = [choice for choice in choices if choice.origin == origin]
        if found:
            named = ", ".join(f"{choice.name} {choice.version.removeprefix('v')}" for choice in found)
            parts.append(f"{len(found)} from {_TOLD[origin]}" + ("" if origin == "modules" else f" ({named})"))
    refused = [f"{choice.name} of PATH is not taken: {choice.refused}" for choice in choices if choice.refused]
    return [f"programs: {', '.join(parts)}", *refused]


def _found(
    wanted: Sequence[Origin], programs: Sequence[str], builds: Sequence[Build], offers: Iterable[Offer]
) -> tuple[dict[str, Choice], list[Offer]]:
    """What is on this machine already, each from the most preferred place that has it, and the offers of the rest."""
    chosen: dict[str, Choice] = {}
    missing: list[Offer] = []
    for offer in offers_of(programs, offers):
        names = [name for name in offer.programs if name in programs]
        for origin in wanted:
            if files := _here(origin, offer, names, builds):
                chosen |= files
                break
        else:
            missing.append(offer)
    return chosen, missing


def _here(origin: Origin, offer: Offer, names: Sequence[str], builds: Sequence[Build]) -> dict[str, Choice]:
    """An offer's programs as they are on this machine already; none unless all are."""
    if origin == "path":
        seen = on_path.look(offer)
        return _choices(origin, seen.version, {name: seen.files[name] for name in names} if seen.files else {})
    if origin == "official":
        found = fetching.kept(offer) if offer.official else {}
        return _choices(origin, _version(offer, builds), {name: found[name] for name in names} if found else {})
    if not all((artefacts.tools_dir() / name).is_dir() for name in names):
        return {}
    go = golang.here()  # one that would have to be fetched has built nothing yet
    built = _built(names, builds, go) if go else {}
    if not built:
        return {}
    return _choices(origin, _version(offer, builds), built) if all(file.exists() for file in built.values()) else {}


def _get(
    wanted: Sequence[Origin],
    missing: Sequence[Offer],
    programs: Sequence[str],
    builds: Sequence[Build],
    build: Callable[[Sequence[str]], None],
) -> dict[str, Choice]:
    got: dict[str, Choice] = {}
    left = list(missing)
    for origin in wanted:
        if origin == "official":
            for offer in _fetchable(left):
                names = [name for name in offer.programs if name in programs]
                if files := _fetched(offer):
                    got |= _choices(origin, _version(offer, builds), {name: files[name] for name in names})
                    left.remove(offer)
        elif origin == "modules":
            names = [name for offer in left for name in offer.programs if name in programs]
            build(names)
            for offer in left:
                own = [name for name in offer.programs if name in names]
                got |= _choices(origin, _version(offer, builds), _built(own, builds, golang.find()))
            left = []
    if left:
        names = [name for offer in left for name in offer.programs if name in programs]
        raise CommandError(
            f"programs {', '.join(names)}: not to be had from {' or '.join(_TOLD[origin] for origin in wanted)}",
            remedy=f"let {SETTING} name another place too ({', '.join(ORDER)})",
        )
    return got


def _fetchable(offers: Sequence[Offer]) -> list[Offer]:
    """Those whose official host answers; of the others it is said once that they do not."""
    released = [offer for offer in offers if offer.official]
    if not released:
        return []
    answering = hosts.reachable(released)
    roots = {hosts.root(offer.official.url) for offer in released if offer.official}
    if silent := sorted(roots - answering):
        _say_once(f"no answer within {hosts.PROBE_SECONDS:.0f} s from {', '.join(silent)}")
    return [offer for offer in released if offer.official and hosts.root(offer.official.url) in answering]


def _fetched(offer: Offer) -> Mapping[str, Path]:
    try:
        files = fetching.fetch(offer)
    except fetching.NotFetchedError as error:
        _say_once(f"{offer.programs[0]} {offer.version}: not from upstream's releases: {error}")
        return {}
    _say_once(f"{', '.join(offer.programs)} {offer.version}: from upstream's release, its checksum compared")
    return files


def _built(names: Iterable[str], builds: Sequence[Build], go: Go) -> dict[str, Path]:
    return {name: artefacts.path(name, owner(name, builds), go) for name in names}


def _version(offer: Offer, builds: Sequence[Build]) -> str:
    return owner(offer.programs[0], builds).version


def _choices(origin: Origin, version: str, files: Mapping[str, Path]) -> dict[str, Choice]:
    return {name: Choice(name, origin, version, file) for name, file in files.items()}


@cache
def _say_once(line: str) -> None:
    print(f"toolchain: {line}", file=sys.stderr, flush=True)
