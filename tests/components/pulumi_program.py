"""A Pulumi program in a test, without an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from otel_mesh.core.recorder import Recorder as Mocks
from otel_mesh.core.recorder import event_loop, settle

if TYPE_CHECKING:
    import asyncio

__all__ = ["Mocks", "Program", "event_loop", "settle"]


class Program:
    """A program that registers resources."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.mocks = Mocks()
        self._loop = loop
        pulumi.runtime.set_mocks(self.mocks, project="otel-mesh", stack="test")
        settle(loop)
        self.mocks.registered.clear()  # the stack itself

    def value(self, output: pulumi.Output[Any]) -> Any:  # noqa: ANN401 - any output
        """The value of an output."""
        return self._loop.run_until_complete(output.future())

    def kinds(self) -> list[str]:
        """Sorted kinds of the registered resources."""
        settle(self._loop)
        return sorted(one.typ.rsplit(":", 1)[-1] for one in self.mocks.registered)
