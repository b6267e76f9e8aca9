"""Fixtures of the components' tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.pulumi_program import Program, event_loop

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def program() -> Iterator[Program]:
    """A program that registers resources."""
    with event_loop() as loop:
        yield Program(loop)
