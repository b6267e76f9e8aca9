"""The requests that a rule of a VirtualService is for: in words, and compared with those of another rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Match = Mapping[str, Any]

ANY: Final = "/*"
"""All paths."""
_REPEATABLE: Final = ({"method": {"regex": "GET|HEAD"}}, {"headers": {"idempotency-key": {"regex": ".+"}}})
"""Conditions of the rules that repeat safe requests: they choose no destination."""


def words(matches: Iterable[Match]) -> str:
    """The requests of a rule; empty for all.

    Args:
        matches: Alternatives of the rule.
    """
    return " or ".join(dict.fromkeys(filter(None, map(_words, merged(matches)))))


def without_repeatable(matches: Iterable[Match]) -> list[Match]:
    """The alternatives without the conditions of requests that may be repeated: what remains decides where they go.

    Args:
        matches: Alternatives of the rule.
    """
    found: list[Match] = []
    for one in matches:
        rest = dict(one)
        for condition in _REPEATABLE:
            for name, value in condition.items():
                if name == "headers" and isinstance(rest.get(name), dict):
                    left = {key: how for key, how in rest[name].items() if value.get(key) != how}
                    rest = {**rest, name: left} if left else {key: how for key, how in rest.items() if key != name}
                elif rest.get(name) == value:
                    del rest[name]
        if rest not in found:
            found.append(rest)
    return found


def paths(matches: Iterable[Match]) -> tuple[str, ...]:
    """Paths of the alternatives, exact or ending in ``*``; `ANY` for a rule without one.

    Args:
        matches: Alternatives of the rule.
    """
    found = [_path(one["uri"]) for one in matches if one.get("uri")]
    return tuple(dict.fromkeys(found)) or (ANY,)


def conditions(matches: Iterable[Match]) -> frozenset[str]:
    """Conditions of the alternatives other than the path, in words; of alternatives that differ in them all as one.

    Args:
        matches: Alternatives of the rule.
    """
    given = list(merged(matches))
    found = {frozenset(_parts({name: how for name, how in one.items() if name != "uri"})) for one in given}
    return next(iter(found), frozenset()) if len(found) <= 1 else frozenset({words(given)})


def covers(pattern: str, path: str) -> bool:
    """Whether a pattern of `paths` stands for all paths of another one."""
    return pattern == path or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def merged(matches: Iterable[Match]) -> Iterator[Match]:
    """The alternatives; a path and all below it, ``/a`` or ``/a/*``, are one: the latter.

    Args:
        matches: Alternatives of the rule.
    """
    given = list(matches)
    for one in given:
        uri = one.get("uri") or {}
        path = str(uri.get("exact") or "")
        below = {**one, "uri": {"prefix": f"{path}/"}}
        if not (path and below in given):
            yield one


def _words(value: Match) -> str:
    return " ".join(_parts(value))


def _parts(value: Match) -> list[str]:
    parts = []
    if "method" in value:
        parts.append(_text(value["method"]).replace("matching GET|HEAD", "GET or HEAD"))
    if "authority" in value:
        parts.append(f"of {_text(value['authority'])}")
    if value.get("uri") and _path(value["uri"]) != ANY:
        parts.append(_path(value["uri"]))
    for name, how in sorted((value.get("headers") or {}).items()):
        parts.append(f"with {name}" if how == {"regex": ".+"} or not how else f"with {name}: {_text(how)}")
    others = ("sourceLabels", "sourceNamespace", "port", "queryParams", "gateways", "listener")
    return parts + [f"of {name} {value[name]}" for name in others if name in value]


def _path(how: Mapping[str, Any]) -> str:
    return f"{how['prefix']}*" if "prefix" in how else _text(how)


def _text(how: Mapping[str, Any]) -> str:
    ((kind, text), *_) = how.items()
    return str(text) if kind == "exact" else f"{text}*" if kind == "prefix" else f"matching {text}"
