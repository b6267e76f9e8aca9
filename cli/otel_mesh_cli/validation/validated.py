"""Findings of the programs in the configurations of one or several versions of a stack."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_mesh.check.findings import Code, Severity, found
from otel_mesh_cli.core import embedded
from otel_mesh_cli.validation.asking import ask, questions
from otel_mesh_cli.validation.configurations import AMTOOL, JAEGER, OTELCOL, PROMTOOL, of, repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh_cli.validation.asking import Question, Reply
    from otel_mesh_cli.validation.configurations import Configuration

_OWNERS: Final = {
    OTELCOL: "the OpenTelemetry Collector",
    JAEGER: "Jaeger",
    PROMTOOL: "Prometheus",
    AMTOOL: "Alertmanager",
}
CODES: Final[Mapping[str, Code]] = {
    program: Code(
        f"OM90{number}",
        Severity.ERROR,
        f"configuration that {_OWNERS[program]} refuses",
        "Pods with it do not start, or the program goes on with the last configuration that it accepted.",
        "correct the setting that makes it",
    )
    for number, program in enumerate(_OWNERS, 1)
}
"""Codes of the findings by the program that makes them."""
_UNKNOWN_COMPONENT: Final = re.compile(r"'(\w+)' unknown type: \"([^\"]+)\"")
_ALL_COMPONENTS: Final = "opentelemetry-collector-contrib"
"""Image with more components than an otelcol that is built here."""


@dataclass(frozen=True)
class Validated:
    """What the programs say about one version.

    Attributes:
        findings: Configurations that a program refuses.
        unchecked: Configurations that no program checked, one sentence each.
    """

    findings: tuple[Finding, ...] = ()
    unchecked: tuple[str, ...] = ()


def validated(*indexes: Index) -> tuple[Validated, ...]:
    """Check the configurations of versions of a stack by programs that are on this machine; none is fetched or built.

    Args:
        indexes: Objects of each version. Equal configurations are checked once.
    """
    given = [tuple(of(index)) for index in indexes]
    needed = dict.fromkeys(one.program for version in given for one in version)
    programs = embedded.programs().available(tuple(needed))
    replies = _replies(programs, [one for version in given for one in version])
    return tuple(_version(one, programs, replies) for one in given)


def _replies(programs: Mapping[str, Path], given: Iterable[Configuration]) -> dict[Question, Reply]:
    asked = [
        one
        for config in given
        if config.program in programs and config.main in config.files
        for one in questions(config)
    ]
    unique = tuple(dict.fromkeys(asked))
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return dict(zip(unique, pool.map(lambda one: ask(programs[one.program], one), unique), strict=True))


def _version(
    given: Sequence[Configuration], programs: Mapping[str, Path], replies: Mapping[Question, Reply]
) -> Validated:
    findings: list[Finding] = []
    unchecked: list[str] = []
    for config in given:
        place = f"Configuration of {config.workload}"
        if config.program not in programs:
            unchecked.append(f"{place}: {embedded.absent_program(config.program)}.")
        elif config.main not in config.files:
            unchecked.append(f"{place}: {config.main} is in none of the stack's ConfigMaps.")
        else:
            unchecked += (f"{place}: {one}." for one in _undecided(config, replies))
            findings += _refused(config, replies)
    order = dict.fromkeys(sorted(findings, key=lambda one: (one.code.id, str(one.object), one.path)))
    return Validated(tuple(order), tuple(sorted(unchecked)))


def _refused(config: Configuration, replies: Mapping[Question, Reply]) -> Iterator[Finding]:
    for question in questions(config):
        message = replies[question].refusal
        if message and not _lacks_component(config, message):
            file = config.files[question.asked]
            yield found(CODES[config.program], file.owner, file.path, f"{config.program} refuses it: {message}")


def _undecided(config: Configuration, replies: Mapping[Question, Reply]) -> Iterator[str]:
    for question in questions(config):
        reply = replies[question]
        if reply.failure:
            yield f"{config.program} did not check {question.asked}: {reply.failure}"
        elif kind := _lacks_component(config, reply.refusal):
            yield f"the otelcol of this machine has no {kind}, which {config.image} may have"


def _lacks_component(config: Configuration, message: str) -> str:
    """The component that this machine's Collector lacks and the image may have; empty if the message says otherwise."""
    unknown = _UNKNOWN_COMPONENT.search(message)
    if unknown is None or repository(config.image) != _ALL_COMPONENTS:
        return ""
    return f"{unknown[1].removesuffix('s')} {unknown[2]}"
