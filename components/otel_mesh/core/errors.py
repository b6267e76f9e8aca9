"""Mistakes in settings, told to a person: where, why and what to do.

pydantic finds all mistakes of a value at once; this module turns its findings into `Problem`s, which name the
path, the reason and a remedy (for a misspelt key the nearest valid one) and never repeat the input.
"""

from __future__ import annotations

import difflib
import types
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from otel_mesh.core.wording import reason_and_remedy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydantic_core import ErrorDetails

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    Attributes:
        path: where it is, dotted, e.g. ``collector.replicas``; empty for the whole.
        reason: what is wrong.
        remedy: what to do about it.
    """

    path: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        return f"{place}{self.reason}; {self.remedy}"

    def below(self, prefix: str) -> Problem:
        """The same mistake, seen from an enclosing value."""
        return Problem(join_path(prefix, self.path), self.reason, self.remedy)


class InvalidSettingsError(ValueError):
    """Settings that can't be used.

    Attributes:
        problems: all mistakes found, in the order of their paths' appearance.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@contextmanager
def collecting(problems: list[Problem]) -> Iterator[None]:
    """Lets a step fail without ending the others: what it found goes to the list."""
    try:
        yield
    except InvalidSettingsError as error:
        problems.extend(error.problems)


def join_path(*parts: str | int) -> str:
    """Joins parts of a path: ``join_path("services", 0, "port")`` is ``services[0].port``.

    What would break the line or can't be seen is escaped: a key may be anything.
    """
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part:
            shown = part if part.isprintable() else part.encode("unicode_escape").decode()
            path += shown if not path or shown.startswith("[") else f".{shown}"
    return path


def nearest(name: str, valid: Iterable[str]) -> str:
    """A remedy for an unknown name: the nearest valid one, or all of them."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"valid are: {', '.join(names)}" if names else "remove it"


def parse(model: type[ModelT], value: object, path: str = "") -> ModelT:
    """Makes a settings object from a mapping (or takes the object as it is).

    Args:
        model: the settings' class.
        value: an instance, or a mapping with its fields.
        path: where the value stands, for the messages.

    Raises:
        InvalidSettingsError: with every mistake in it.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidSettingsError(problem.below(path) for problem in _problems(error, model)) from None


def _problems(error: ValidationError, model: type[BaseModel]) -> Iterable[Problem]:
    everything = error.errors(include_input=False, include_url=False)
    for found in everything:
        if found["type"] == "too_short" and any(_inside(other, found) for other in everything):
            continue  # the members are there, but wrong, which is told already
        path = join_path(*_plain(found["loc"]))
        cause = found.get("ctx", {}).get("error")
        if isinstance(cause, InvalidSettingsError):
            yield from (problem.below(path) for problem in cause.problems)
        else:
            yield _problem(path, found, model)


def _inside(found: ErrorDetails, other: ErrorDetails) -> bool:
    place, outer = found["loc"], other["loc"]
    return len(place) > len(outer) and place[: len(outer)] == outer


def _plain(location: Sequence[str | int]) -> Sequence[str | int]:
    """Drops the marks that pydantic adds for keys of mappings, and shows an empty key."""
    return ["''" if part == "" else part for part in location if part != "[key]"]


def _problem(path: str, found: ErrorDetails, model: type[BaseModel]) -> Problem:
    kind, location = found["type"], found["loc"]
    if kind == "extra_forbidden":
        owner = _model_at(model, location[:-1])
        return Problem(path, "unknown key", nearest(str(location[-1]), owner.model_fields if owner else ()))
    if kind == "missing":
        return Problem(path, "required but missing", "add it")
    reason, remedy = reason_and_remedy(found)
    return Problem(path, reason, remedy)


def _model_at(model: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel] | None:
    """The model that stands at a place inside another, for the list of its valid keys."""
    current: Any = model
    for part in location:
        current = _without_none(current)
        if _is_model(current):
            current = current.model_fields[str(part)].annotation
        else:
            members = [argument for argument in get_args(current) if argument is not Ellipsis]
            current = members[-1] if members else None
    current = _without_none(current)
    return current if _is_model(current) else None


def _is_model(annotation: object) -> bool:
    return get_origin(annotation) is None and isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _without_none(annotation: Any) -> Any:  # noqa: ANN401 - annotations have no common type
    """``Service`` for ``Service | None``."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(arm for arm in get_args(annotation) if arm is not types.NoneType)
    return annotation
