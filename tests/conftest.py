"""What holds for every test: it gets nothing from the network, builds nothing, and leaves nothing to the next one.

The marker `programs` is set here, for tests that use the fixture `built`; without it a test finds no program.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests import property_tests
from tests.built import Built

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

__all__ = ["property_tests"]

_CLOSED = {"GOPROXY": "off", "PIP_NO_INDEX": "1", "npm_config_registry": "http://127.0.0.1:9"}
"""Go, pip and npm fail at once where they would fetch."""
_EMPTY = pytest.StashKey[dict[str, str]]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Set the marker before `-m` is looked at; keep the order of modules that need theirs, wherever they come."""
    place = {item: number for number, item in enumerate(items)}
    for item in items:
        if "built" in getattr(item, "fixturenames", ()):
            item.add_marker("programs")
    result = yield
    stories: dict[str, list[int]] = {}
    for number, item in enumerate(items):
        if item.get_closest_marker("in_order"):
            stories.setdefault(item.nodeid.partition("::")[0], []).append(number)
    for numbers in stories.values():
        ordered = sorted((items[number] for number in numbers), key=place.__getitem__)
        for number, item in zip(numbers, ordered, strict=True):
            items[number] = item
    return result


def pytest_sessionstart(session: pytest.Session) -> None:
    """Where a test without programs looks for them."""
    factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]  # noqa: SLF001 -- no fixture is here yet
    session.stash[_EMPTY] = {"OTEL_MESH_CACHE": str(factory.mktemp("empty-cache")), "OTEL_MESH_PROGRAMS": "path"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Close the ways to the network, and to programs where the test is not marked; e2e tests are left alone.

    What a newcomer installs from a package index is the subject of tests marked `index`.
    """
    marks = {mark.name for mark in item.iter_markers()}
    if "e2e" in marks:
        return (yield)
    hidden = {} if marks & {"programs", "engine"} else item.session.stash[_EMPTY]
    closed = {} if "index" in marks else _CLOSED
    before = dict(os.environ)
    os.environ.update(closed | hidden)
    try:
        return (yield)
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """Let a failed test's frames go while it is still its turn.

    Python keeps the last exception with all the locals below it, and pytest drops it when the next test is called:
    what was not closed would be told of there, as that test's error.
    """
    if hasattr(sys, "last_traceback"):
        for name in {"last_exc", "last_type", "last_value", "last_traceback"} & vars(sys).keys():
            delattr(sys, name)
        gc.collect()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape lone surrogates that a test printed or logged: a worker cannot send them to the process that reports."""
    report = yield
    report.sections = [(name, content.encode(errors="backslashreplace").decode()) for name, content in report.sections]
    return report


@pytest.fixture(scope="session")
def built() -> Built:
    """Finds the real programs that are here; marks a test as one of `programs`."""
    return Built()


@pytest.fixture(scope="session")
def go(built: Built) -> Path:
    """The Go command."""
    return built.go()
