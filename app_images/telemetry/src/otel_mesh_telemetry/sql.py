"""What a SQL statement does and to which table, without its values.

No SQL parser: one pass of a tokenizer that knows PostgreSQL's quoting. A statement it does not understand
still gets its first keyword, and never a literal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<literal> [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | '(?:[^']|'')*(?:'|\Z) | \d+(?:\.\d+)?(?:[eE][+-]?\d+)? )
  | (?P<dollar> (?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?:(?P=tag)|\Z) )
  | (?P<name> [A-Za-z_][\w$]* | "(?:[^"]|"")*(?:"|\Z) )
  | (?P<other> %\(\w+\)[sbt] | %[sbt] | \$\d+ | \S )
    """,
    re.VERBOSE | re.DOTALL,
)
_TARGET_AFTER = frozenset({"FROM", "INTO", "UPDATE", "TABLE", "JOIN"})
_NOISE = frozenset({"ONLY", "IF", "NOT", "EXISTS", "LATERAL"})
_LOOKED_AT = 20_000  # characters of a statement


@dataclass(frozen=True, slots=True)
class Statement:
    """What is told about a statement.

    Attributes:
        operation: first keyword in upper case, ``""`` when there is none.
        target: first table named, with its schema where it has one, ``""`` when there is none.
        text: the statement with every literal replaced by ``?`` and comments left out.
    """

    operation: str
    target: str
    text: str

    @property
    def summary(self) -> str:
        """``SELECT users``: the span's name."""
        return f"{self.operation} {self.target}".strip()


@lru_cache(maxsize=512)
def describe(query: str) -> Statement:
    """Describe a statement; results of the most recent 512 distinct statements are kept."""
    tokens: list[tuple[str, str, bool]] = []  # kind, token, whether white space stands before it
    end = 0
    for match in _TOKEN.finditer(query[:_LOOKED_AT]):
        if match.lastgroup != "comment":
            literal = match.lastgroup in ("literal", "dollar")
            tokens.append((match.lastgroup or "", "?" if literal else match.group(), match.start() > end))
            end = match.end()
    text = "".join(f" {token}" if gap and i else token for i, (_, token, gap) in enumerate(tokens))
    operation = next((token.upper() for kind, token, _ in tokens if kind == "name"), "")
    return Statement(operation, _target([(kind, token) for kind, token, _ in tokens]), text)


def _target(tokens: list[tuple[str, str]]) -> str:
    """The first name after a word that tables follow; a subquery in its place is looked into."""
    expecting = False
    for position, (kind, token) in enumerate(tokens):
        if kind == "name":
            word = token.upper()
            if expecting and word not in _NOISE and word not in _TARGET_AFTER:
                following = tokens[position + 1 : position + 3]
                if len(following) == 2 and following[0][1] == "." and following[1][0] == "name":  # noqa: PLR2004
                    return f"{_unquoted(token)}.{_unquoted(following[1][1])}"
                return _unquoted(token)
            expecting = word in _TARGET_AFTER or (expecting and word in _NOISE)
        else:
            expecting = False
    return ""


def _unquoted(name: str) -> str:
    return name[1:].removesuffix('"').replace('""', '"') if name.startswith('"') else name
