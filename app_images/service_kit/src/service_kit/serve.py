"""An HTTP server with graceful shutdown, which loses neither requests nor spans."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import uvicorn

from service_kit import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp

    from otel_mesh_telemetry.providers import Providers
    from service_kit.probes import Probes
    from service_kit.process import Lifetime
    from service_kit.settings import Environment


class _Server(uvicorn.Server):
    """uvicorn with the graceful shutdown of `process.Drain`."""

    def __init__(self, config: uvicorn.Config, probes: Probes, delay: float) -> None:
        super().__init__(config)
        self._drain = process.Drain(probes, delay, self._stop)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal again after serving, which would end the process before the flush.
        with self._drain.listening():
            yield

    def _stop(self, at_once: bool) -> None:  # noqa: FBT001 - as Drain calls it
        self.should_exit = True
        self.force_exit = self.force_exit or at_once


def run(make: Callable[[Environment, Providers], tuple[ASGIApp, Probes]], *, port: int) -> int:
    """Start telemetry, build the application, serve until SIGTERM and flush; returns the exit status of the process.

    Args:
        make: Function that builds the application and its probes.
        port: Default of PORT; the other settings are those of `process.Lifetime`.
    """
    return process.run(make, _serve, port=port)


def _serve(service: tuple[ASGIApp, Probes], lifetime: Lifetime) -> bool:
    app, probes = service
    config = uvicorn.Config(
        app,
        host="0.0.0.0",  # noqa: S104 - the pod's address is known to Kubernetes only
        port=lifetime.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(lifetime.timeout),
    )
    server = _Server(config, probes, lifetime.delay)
    server.run()
    return server.started
