"""What a SQL statement does, without its values.

No SQL parser: one pass of a tokenizer that knows PostgreSQL's quoting. What it makes of a statement is a name for
people (``db.query.summary``), never an attribute that something is computed from: PostgreSQL's grammar is too rich for
that, and the semantic conventions say so. :func:`query_summary` gives a better one.
"""

from __future__ import annotations

import contextlib
import re
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\* )
  | (?P<literal> [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | '(?:[^']|'')*(?:'|\Z)
               | (?:\d\w*(?:\.\w*)?|\.\d\w*)(?:(?<=[eE])[+-]?\d\w*)? )
  | (?P<dollar> (?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?:(?P=tag)|\Z) )
  | (?P<name> [^\W\d][\w$]* | "(?:[^"]|"")*(?:"|\Z) )
  | (?P<other> %\(\w+\)[sbt] | %[sbt] | \$\d+ | \S )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_READS = frozenset({"SELECT", "DELETE"})  # whose FROM names a table: that of EXTRACT(YEAR FROM x) names none
_TARGET_AFTER = frozenset({"INTO", "UPDATE", "TABLE", "JOIN"})
_NOISE = frozenset({"ONLY", "IF", "NOT", "EXISTS", "LATERAL"})
_LOOKED_AT = 8192  # characters of a statement
_LONGEST_TEXT = 4096
_LONGEST_SUMMARY = 255  # as the conventions have it
_CACHED_UP_TO = (
    2048  # longer statements are made anew each time, by a program that writes them: keeping them is in vain
)

_given: ContextVar[str] = ContextVar("otel_mesh_query_summary", default="")


@contextlib.contextmanager
def query_summary(summary: str) -> Iterator[None]:
    """Name the statements inside: ``db.query.summary`` and the name of their spans, e.g. ``settle open orders``.

    Args:
        summary: of low cardinality, without values; cut to 255 characters.
    """
    token = _given.set(" ".join(summary.split())[:_LONGEST_SUMMARY])
    try:
        yield
    finally:
        _given.reset(token)


def given_summary() -> str:
    """What :func:`query_summary` says here; ``""`` where it says nothing."""
    return _given.get()


@dataclass(frozen=True, slots=True)
class Statement:
    """What is told about a statement.

    Attributes:
        operation: first keyword in upper case, ``""`` when there is none.
        summary: that and the first table named, ``SELECT users``; with its schema where it has one.
        text: the statement with every literal replaced by ``?`` and comments left out, cut to 4096 characters.
    """

    operation: str
    summary: str
    text: str


def describe(query: str) -> Statement:
    """Describe a statement by its first 8192 characters; results of the most recent 512 short ones are kept."""
    return _remembered(query) if len(query) <= _CACHED_UP_TO else _describe(query[:_LOOKED_AT])


def _describe(query: str) -> Statement:
    tokens: list[tuple[str, str]] = []
    pieces: list[str] = []
    position = end = 0
    while match := _TOKEN.search(query, position):
        kind = match.lastgroup or ""
        position = match.end()
        if kind == "comment":
            position = _end_of_comment(query, match) if match.group() == "/*" else position
            continue
        token = "?" if kind in ("literal", "dollar") else match.group()
        pieces.append(f" {token}" if pieces and match.start() > end else token)
        tokens.append((kind, token))
        end = position
    operation = next((token.upper() for kind, token in tokens if kind == "name"), "")[:_LONGEST_SUMMARY]
    summary = f"{operation} {_target(tokens)}".strip()
    return Statement(operation, summary[:_LONGEST_SUMMARY], "".join(pieces)[:_LONGEST_TEXT])


_remembered = lru_cache(maxsize=512)(_describe)


def _end_of_comment(query: str, start: re.Match[str]) -> int:
    """Where a comment ends; those of PostgreSQL may hold others."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(query, start.start()):
        depth += 1 if edge.group() == "/*" else -1
        if not depth:
            return edge.end()
    return len(query)


def _target(tokens: list[tuple[str, str]]) -> str:
    """The first name after a word that tables follow; a subquery in its place is looked into."""
    expecting = False
    reads = [False]  # for each parenthesis that is open, and outside of all: whether a SELECT or DELETE began in it
    before = ("", "")  # the two words before
    for position, (kind, written) in enumerate(tokens):
        if kind != "name":
            expecting = False
            if written == "(":
                reads.append(False)
            elif written == ")" and len(reads) > 1:
                reads.pop()
            before = ("", "")
            continue
        word = written.upper()
        if expecting and word not in _NOISE and word not in _TARGET_AFTER:
            following = tokens[position + 1 : position + 3]
            if len(following) == 2 and following[0][1] == "." and following[1][0] == "name":  # noqa: PLR2004
                return f"{_unquoted(written)}.{_unquoted(following[1][1])}"
            return _unquoted(written)
        if word in _READS:
            reads[-1] = True
        distinct = word == "FROM" and before[1] == "DISTINCT" and before[0] in ("IS", "NOT")  # an operator
        locking = word == "UPDATE" and before[1] in ("FOR", "KEY", "DO")  # SELECT ... FOR UPDATE, ON CONFLICT DO UPDATE
        expecting = (
            (word == "FROM" and reads[-1] and not distinct)
            or (word in _TARGET_AFTER and not locking)
            or (expecting and word in _NOISE)
        )
        before = (before[1], word)
    return ""


def _unquoted(name: str) -> str:
    return name[1:].removesuffix('"').replace('""', '"') if name.startswith('"') else name
