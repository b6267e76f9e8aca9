"""Running a service until it is told to stop, and stopping without losing a request or a span."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from typing import TYPE_CHECKING

import uvicorn

from otel_mesh_telemetry import ConfigError, init
from service_kit.settings import Environment, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp

    from otel_mesh_telemetry.providers import Providers
    from service_kit.probes import Probes

_log = logging.getLogger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _Server(uvicorn.Server):
    """uvicorn with a drain: readiness goes off, requests are still served for a while, then it stops."""

    def __init__(self, config: uvicorn.Config, probes: Probes, delay: float) -> None:
        super().__init__(config)
        self._probes = probes
        self._delay = delay

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal once more after serving, which ends the process before the flush.
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._told_to_stop)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _told_to_stop(self) -> None:
        if self._probes.draining:
            self.should_exit = self.force_exit = True
            return
        _log.info("draining: no longer ready, serving on for %g s", self._delay)
        self._probes.draining = True
        # Until every proxy has noticed, requests still come in: refusing them now would fail them.
        asyncio.get_running_loop().call_later(self._delay, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def run(make: Callable[[Environment, Providers], tuple[ASGIApp, Probes]], *, port: int) -> int:
    """Start telemetry, build the application, serve until SIGTERM, flush; the process's exit status.

    PORT, SHUTDOWN_DELAY_SECONDS (readiness off before connections close, 3) and SHUTDOWN_TIMEOUT_SECONDS (for
    requests under way, 10) come from the environment.

    Args:
        make: builds the application and its probes.
        port: where PORT is not set.
    """
    environment = Environment()
    telemetry = None
    try:
        telemetry = init(handle_sigterm=False)
        app, probes = make(environment, telemetry)
        config = uvicorn.Config(
            app,
            host="0.0.0.0",  # noqa: S104 - a pod's own address is only known to Kubernetes
            port=int(environment.number("PORT", port, low=1, high=65535)),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=int(environment.number("SHUTDOWN_TIMEOUT_SECONDS", 10, low=0, high=300)),
        )
        delay = environment.number("SHUTDOWN_DELAY_SECONDS", 3, low=0, high=120)
    except (SettingsError, ConfigError) as error:
        print(f"{error}", file=sys.stderr)  # noqa: T201 - logging may not be set up yet
        if telemetry is not None:
            telemetry.shutdown(timeout=0.5)  # nothing was served that could be missed
        return 2
    server = _Server(config, probes, delay)
    server.run()
    telemetry.shutdown()
    return 0 if server.started else 1
