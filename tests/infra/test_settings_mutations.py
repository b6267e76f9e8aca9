"""Random changes of settings: the program accepts them, or refuses them with problems."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pulumi
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_mesh_stack.settings import Stack, read
from tests.infra.stack_config import PASSWORD, stack_settings, use

if TYPE_CHECKING:
    from collections.abc import Callable

STACKS = ("local", "dev", "prod")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just(PASSWORD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(place for key, one in inner for place in _places(one, (*path, key)))]


def _mutations(draw: Callable[..., Any], values: dict[str, Any]) -> object:
    """The value with one to three places replaced, removed, renamed or added to."""
    root: dict[str, Any] = {"": values}
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([place for place in _places(root) if place]))
        *parents, last = path
        place: Any = root
        for parent in parents:
            place = place[parent]
        match draw(st.sampled_from(["replace", "remove", "rename", "add"])):
            case "remove" if path != ("",):
                del place[last]
            case "rename" if isinstance(place, dict) and path != ("",):
                place[f"{last}s"] = place.pop(last)
            case "add" if isinstance(place[last], dict):
                place[last][draw(st.text(max_size=8))] = draw(JSON)
            case _:
                place[last] = draw(JSON)
    return root[""]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), stack=st.sampled_from(STACKS))
def test_a_random_mutation_is_accepted_or_refused_with_problems(data: st.DataObject, stack: str) -> None:
    use(_mutations(data.draw, copy.deepcopy(stack_settings(stack))), stack)
    message = ""
    try:
        made = read()
    except pulumi.RunError as refused:
        message = str(refused)
    else:
        assert isinstance(made, Stack)
        assert all(made.service_images.values())
    headline, *mistakes = message.split("\n")
    assert not message or (mistakes and headline.startswith(f"settings of stack '{stack}': "))
    assert all(": " in mistake and "; " in mistake for mistake in mistakes)
    # names of contexts and files are not secret, and the reader needs them
    assert PASSWORD not in message.replace(f"context '{PASSWORD}'", "").replace(f"/secrets/{PASSWORD}:", "")
