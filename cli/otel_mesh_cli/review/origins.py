"""The changed lines of the stack's file, the catalog and the program that a risk comes from."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_mesh_cli.review.kinds import Risk

_FEW: Final = 3
"""Number of changed lines up to which all of them are named, where no line names the risk's subject."""
_ARTICLES: Final = frozenset({"the", "of", "with"})
_KEY: Final = re.compile(r"^(\s*)(?:- )?['\"]?([\w.-]+)['\"]?:")


@dataclass(frozen=True)
class Line:
    """A line that the change adds, changes or removes.

    Attributes:
        file: Path in the repository.
        number: Number in the proposed version; of a removed line, that of the line behind it.
        text: The line, without the blanks around it.
        context: Names of the keys that enclose the line.
        removed: Whether the line is gone.
    """

    file: str
    number: int
    text: str
    context: tuple[str, ...] = ()
    removed: bool = False

    @property
    def is_data(self) -> bool:
        """Whether the file is the stack's or the catalog, and not the program or the library."""
        return not self.file.endswith(".py") or self.file.endswith("/services.py")

    def __str__(self) -> str:
        """``Pulumi.dev.yaml:12``."""
        return f"{self.file}:{self.number}"


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Line, ...]:
    """The lines that differ between two versions of files.

    Args:
        before: Texts of the base by path.
        after: Texts of the proposed version by path.
    """
    return tuple(
        line
        for file in sorted(before.keys() | after.keys())
        for line in _changed(file, before.get(file, "").splitlines(), after.get(file, "").splitlines())
    )


def of(risk: Risk, lines: Iterable[Line]) -> tuple[Line, ...]:
    """The changed lines that a risk comes from; none if that cannot be told.

    Args:
        risk: The risk.
        lines: All changed lines.
    """
    return naming(risk.subject, lines)


def naming(subject: str, lines: Iterable[Line]) -> tuple[Line, ...]:
    """The changed lines that name a subject; all of a few if none does.

    Args:
        subject: Workload, scope or object.
        lines: All changed lines.
    """
    every = [line for line in lines if line.text and not line.text.startswith("#")]
    names = set(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", subject)) - _ARTICLES
    matching = [line for line in every if names & _names(line)]
    found = [line for line in matching if line.is_data] or matching
    return tuple(found or (every if len(every) <= _FEW else ()))


def _names(line: Line) -> set[str]:
    words = set(re.findall(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", line.text))
    words |= {name for name in line.context if name not in {"config", "services", "settings", "mesh"}}
    return words | {word.replace("_", "-") for word in words}


def _changed(file: str, before: list[str], after: list[str]) -> Iterator[Line]:
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, low, high, start, end in matcher.get_opcodes():
        if tag in {"replace", "insert"}:
            yield from (Line(file, at + 1, after[at].strip(), _context(after, at)) for at in range(start, end))
        elif tag == "delete":
            for at in range(low, high):
                yield Line(file, start + 1, before[at].strip(), _context(before, at), removed=True)


def _context(lines: list[str], at: int) -> tuple[str, ...]:
    """Keys above a line with less indentation, innermost first."""
    found = []
    depth = len(lines[at]) - len(lines[at].lstrip())
    for line in reversed(lines[:at]):
        match = _KEY.match(line)
        if match and len(match[1]) < depth:
            found.append(match[2])
            depth = len(match[1])
    return tuple(found)
