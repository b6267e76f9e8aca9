"""A Pulumi program in a test, without an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from pulumi.runtime.settings import SETTINGS

from otel_mesh.core.errors import InvalidSettingsError
from otel_mesh.core.recorder import Recorder as Mocks
from otel_mesh.core.recorder import event_loop, settle

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from otel_mesh.k8s.manifests import Manifest

__all__ = ["Mocks", "Program", "event_loop", "known", "refusal", "settle"]


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


def known(program: Program, manifests: Iterable[Manifest]) -> dict[str, Any]:
    """Objects by kind, with the values of their Outputs."""
    return {one["kind"]: one for one in values(program, manifests)}


def refusal(make: Callable[[Program], object]) -> str:
    """The error of an Output whose value is invalid."""
    with event_loop() as loop:
        program = Program(loop)
        with pytest.raises(InvalidSettingsError) as raised:
            make(program)
        SETTINGS.outputs.clear()  # the rest of them have failed too
    return str(raised.value)


def late(value: str) -> pulumi.Output[str]:
    """A value as an Output."""
    return pulumi.Output.from_input(value)


def values(program: Program, manifests: Iterable[Manifest]) -> list[Any]:
    """Objects with the values of their Outputs."""
    return [program.value(pulumi.Output.from_input(one)) for one in manifests]
