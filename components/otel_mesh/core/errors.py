"""Errors in settings, with path, reason and remedy.

pydantic finds all errors of a value at once; this module converts them to `Problem`s. For a misspelt key, the remedy
names the nearest valid one. The rejected input is never repeated.
"""

from __future__ import annotations

import difflib
import types
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from otel_mesh.core.renamed import renamed
from otel_mesh.core.wording import reason_and_remedy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydantic_core import ErrorDetails

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in settings.

    Attributes:
        path: Dotted path of the value, such as ``collector.replicas``; empty for the settings as a whole.
        reason: Reason why the value is rejected.
        remedy: Action that corrects the value.
    """

    path: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        return f"{place}{self.reason}; {self.remedy}"

    def below(self, prefix: str) -> Problem:
        """The same problem with a path that starts at an enclosing value."""
        return Problem(join_path(prefix, self.path), self.reason, self.remedy)


class InvalidSettingsError(ValueError):
    """Invalid settings.

    Attributes:
        problems: All errors, in the order of the values.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@contextmanager
def collecting(problems: list[Problem]) -> Iterator[None]:
    """Appends the problems of an `InvalidSettingsError` to a list, so that later checks still run."""
    try:
        yield
    except InvalidSettingsError as error:
        problems.extend(error.problems)


def join_path(*parts: str | int) -> str:
    """A path from its parts: ``join_path("services", 0, "port")`` is ``services[0].port``.

    Line breaks and invisible characters of a key are escaped.
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
    """The remedy for an unknown name: the nearest valid name, or the list of all."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"valid are: {', '.join(names)}" if names else "remove it"


def parse(model: type[ModelT], value: object, path: str = "") -> ModelT:
    """Settings from a mapping; an instance is returned unchanged.

    Args:
        model: Class of the settings.
        value: Mapping of the fields, or an instance.
        path: Path of the value, for the messages.

    Raises:
        InvalidSettingsError: The value is invalid; the error lists every problem.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidSettingsError(problem.below(path) for problem in _problems(error, model)) from None


def _problems(error: ValidationError, model: type[BaseModel]) -> Iterable[Problem]:
    everything = error.errors(include_input=False, include_url=False)
    for found in everything:
        if found["type"] == "too_short" and any(_inside(other, found) for other in everything):
            continue  # the members exist but are invalid, which is reported already
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
    """The location without pydantic's markers of mapping keys, and with a visible empty key."""
    return ["''" if part == "" else part for part in location if part != "[key]"]


def _problem(path: str, found: ErrorDetails, model: type[BaseModel]) -> Problem:
    kind, location = found["type"], found["loc"]
    if kind == "extra_forbidden":
        owner, key = _model_at(model, location[:-1]), str(location[-1])
        valid = owner.model_fields if owner else {}
        reason, remedy = renamed(key, valid) or ("unknown key", nearest(key, valid))
        return Problem(path, reason, remedy)
    if kind == "missing":
        return Problem(path, "required but missing", "add it")
    reason, remedy = reason_and_remedy(found)
    return Problem(path, reason, remedy)


def _model_at(model: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel] | None:
    """The model at a location inside another model, for the list of its valid keys."""
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
