"""Summaries of SQL statements, without their values.

A single pass of a tokenizer that supports PostgreSQL's quoting, not a parser. The summary is a name for human readers
(``db.query.summary``), not an attribute for computations: PostgreSQL's grammar is too rich for that, as the semantic
conventions note. :func:`query_summary` sets a better one.
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
_READS = frozenset({"SELECT", "DELETE"})  # their FROM is followed by a table, unlike that of EXTRACT(YEAR FROM x)
_TARGET_AFTER = frozenset({"INTO", "UPDATE", "TABLE", "JOIN"})
_NOISE = frozenset({"ONLY", "IF", "NOT", "EXISTS", "LATERAL"})
_MAX_QUERY_LENGTH = 8192  # characters of a statement
_MAX_TEXT_LENGTH = 4096
_MAX_SUMMARY_LENGTH = 255  # limit of the semantic conventions
_CACHED_UP_TO = 2048  # longer statements are usually generated and rarely repeat

_summary_override: ContextVar[str] = ContextVar("otel_mesh_query_summary", default="")


@contextlib.contextmanager
def query_summary(summary: str) -> Iterator[None]:
    """Set ``db.query.summary`` and the span name of the statements inside, e.g. ``settle open orders``.

    Args:
        summary: Summary of low cardinality, without values; truncated to 255 characters.
    """
    token = _summary_override.set(" ".join(summary.split())[:_MAX_SUMMARY_LENGTH])
    try:
        yield
    finally:
        _summary_override.reset(token)


def given_summary() -> str:
    """The summary set by :func:`query_summary`; ``""`` if none is set."""
    return _summary_override.get()


@dataclass(frozen=True, slots=True)
class Statement:
    """The recorded description of a statement.

    Attributes:
        operation: First keyword in upper case; ``""`` without one.
        summary: Operation and first table, with its schema if given: ``SELECT users``.
        text: Statement with literals replaced by ``?`` and without comments, truncated to 4096 characters.
    """

    operation: str
    summary: str
    text: str


def describe(query: str) -> Statement:
    """The description of a statement's first 8192 characters; those of the 512 latest short statements are cached."""
    return _describe_cached(query) if len(query) <= _CACHED_UP_TO else _describe(query[:_MAX_QUERY_LENGTH])


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
    operation = next((token.upper() for kind, token in tokens if kind == "name"), "")[:_MAX_SUMMARY_LENGTH]
    summary = f"{operation} {_target(tokens)}".strip()
    return Statement(operation, summary[:_MAX_SUMMARY_LENGTH], "".join(pieces)[:_MAX_TEXT_LENGTH])


_describe_cached = lru_cache(maxsize=512)(_describe)


def _end_of_comment(query: str, start: re.Match[str]) -> int:
    """The end of a comment; PostgreSQL's comments may be nested."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(query, start.start()):
        depth += 1 if edge.group() == "/*" else -1
        if not depth:
            return edge.end()
    return len(query)


def _target(tokens: list[tuple[str, str]]) -> str:
    """The first table: the first name after a keyword that precedes tables, in subqueries too."""
    expecting = False
    reads = [False]  # one entry for the top level and each open parenthesis: True after a SELECT or DELETE in it
    before = ("", "")  # the two preceding words
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
