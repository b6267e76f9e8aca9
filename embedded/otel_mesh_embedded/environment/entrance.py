"""The stack's entrance during an update that moves it, as from the gateway of one mesh to a service of another."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from http import HTTPStatus
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

import httpx

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks import local_stack
from otel_mesh_cli.stacks.addresses import GATEWAY
from otel_mesh_embedded.node import forwards
from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.node.node import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLL_S: Final = 1.0
_TIMEOUT_S: Final = 2.0


@contextmanager
def followed() -> Iterator[None]:
    """Move the entrance's loopback port as soon as its new Service serves, instead of when the update has ended.

    The engine deletes the old mesh last, minutes after the services have joined the new one, which may refuse the
    plain requests of the old entrance.
    """
    over = Event()
    thread = Thread(target=_follow, args=(over,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _follow(over: Event) -> None:
    while not over.wait(_POLL_S):
        # an update that failed here is told by the forward after it
        with suppress(CommandError):
            _move()


def _move() -> None:
    old = forwards.current(registry(layout()), GATEWAY.name)
    new = forwards.target(Api(layout()), GATEWAY.place)
    if old is None or new is None or old == new or not _serves(new):
        return
    # a gateway reaches the pods of both meshes; a service takes over only when the old gateway is gone
    if local_stack.gateway() is not None or not _serves(old):
        forwards.forward(GATEWAY)


def _serves(address: str) -> bool:
    try:
        answer = httpx.get(f"http://{address}{GATEWAY.ready_path}", timeout=_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == HTTPStatus.OK
