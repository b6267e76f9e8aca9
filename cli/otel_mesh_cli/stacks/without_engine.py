"""A Pulumi program run without an engine: an event loop, and a monitor that records resources."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime import settings, stack

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    """Records resources and returns their inputs as outputs."""

    def __init__(self) -> None:
        self.registered: list[pulumi.runtime.MockResourceArgs] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Record a resource."""
        self.registered.append(args)
        # the output of a stash is its input
        stashed = {"output": args.inputs["input"]} if args.typ.endswith(":Stash") else {}
        return f"{args.name}-id", {**args.inputs, **stashed}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Refuse: functions need a provider."""
        raise AssertionError(f"no function is called, not even {args.token}")
