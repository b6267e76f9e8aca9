"""A Pulumi program run without an engine: an event loop, and a monitor that records resources."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi.runtime import settings, stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECRET: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105 - no secret, but the key of all
"""Key that marks a secret in the monitor's messages."""
_READ_OUTPUTS: Final = "pulumi:pulumi:readStackOutputs"
_REFERENCE: Final = "pulumi:pulumi:StackReference"


@contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Event loop for outputs, and one for the monitor's thread; both are closed on exit."""
    loop, answering = asyncio.new_event_loop(), asyncio.new_event_loop()
    loop.set_default_executor(
        ThreadPoolExecutor(max_workers=1, initializer=asyncio.set_event_loop, initargs=(answering,))
    )
    asyncio.set_event_loop(loop)
    try:
        yield loop
        settle(loop)
    except BaseException:
        with suppress(Exception):  # the program's own error is the one to tell
            settle(loop)
        raise
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()
        answering.close()


def settle(loop: asyncio.AbstractEventLoop) -> None:
    """Wait until all registrations have arrived, and end the server of callbacks that transforms start."""
    loop.run_until_complete(stack.wait_for_rpcs())
    loop.run_until_complete(settings._shutdown_callbacks())  # type: ignore[no-untyped-call]  # noqa: SLF001 - so ends the SDK a program


class Recorder(pulumi.runtime.Mocks):
    """Records resources and returns their inputs as outputs.

    Args:
        stacks: Outputs of other stacks, by the full name of the stack.
    """

    def __init__(self, stacks: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.registered: list[pulumi.runtime.MockResourceArgs] = []
        self._stacks = stacks or {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Record a resource."""
        self.registered.append(args)
        answer = dict(args.inputs)
        if args.typ.endswith(":Stash"):
            answer["output"] = args.inputs["input"]  # the output of a stash is its input
        if args.typ == _REFERENCE:
            answer["outputs"] = self._outputs(args.inputs["name"])
        return f"{args.name}-id", answer

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]]]:
        """Answer for the outputs of other stacks, and refuse other functions: they need a provider."""
        if args.token != _READ_OUTPUTS:
            raise NotImplementedError(f"no function is called without an engine, not even {args.token}")
        return {"name": args.args["name"], "outputs": self._outputs(args.args["name"])}, []

    def _outputs(self, stack_name: str) -> dict[str, Any]:
        if stack_name not in self._stacks:
            raise LookupError(f"no outputs are given of stack '{stack_name}'")
        return dict(self._stacks[stack_name])


def plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """A value as the program declared it.

    Pulumi's monitor turns integers into floats, loses the order of keys, and wraps secrets.
    """
    if isinstance(value, dict):
        if _SECRET in value:
            return plain(value["value"])
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
