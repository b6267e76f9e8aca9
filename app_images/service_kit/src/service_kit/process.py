"""The process of a service: start with telemetry, serving until a signal, graceful shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from otel_mesh_telemetry import ConfigError, init
from service_kit.settings import Environment, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_mesh_telemetry.providers import Providers
    from service_kit.probes import Probes

_log = logging.getLogger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
Service = TypeVar("Service")


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Port and shutdown times of a process.

    Attributes:
        port: Port that the server listens on.
        delay: Seconds between the signal, when readiness turns false, and the stop of the server.
        timeout: Seconds granted to requests in progress after that.
    """

    port: int
    delay: float
    timeout: float

    @classmethod
    def from_environment(cls, environment: Environment, port: int) -> Lifetime:
        """The settings from PORT, SHUTDOWN_DELAY_SECONDS (3) and SHUTDOWN_TIMEOUT_SECONDS (10).

        Raises:
            SettingsError: A variable is invalid.
        """
        return cls(
            port=int(environment.number("PORT", port, low=1, high=65535)),
            delay=environment.number("SHUTDOWN_DELAY_SECONDS", 3, low=0, high=120),
            timeout=environment.number("SHUTDOWN_TIMEOUT_SECONDS", 10, low=0, high=300),
        )


class Drain:
    """Graceful shutdown on SIGTERM or SIGINT: readiness turns false, and after a delay the server stops.

    Args:
        probes: Probes, set to draining by the signal.
        delay: Seconds between the signal and the stop. Requests arrive until all proxies have removed the endpoint, and
            would fail if the server stopped at once.
        stop: Function that stops the server; its argument is true for an immediate stop after a second signal.
    """

    def __init__(self, probes: Probes, delay: float, stop: Callable[[bool], None]) -> None:
        self._probes = probes
        self._delay = delay
        self._stop = stop

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals inside, in the running event loop."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._on_signal)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _on_signal(self) -> None:
        if self._probes.draining:
            self._stop(True)  # noqa: FBT003 - the callback's only argument
            return
        _log.info("draining: not ready any more, still serving for %g s", self._delay)
        self._probes.draining = True
        asyncio.get_running_loop().call_later(self._delay, self._stop, False)  # noqa: FBT003 - as above


def run(
    make: Callable[[Environment, Providers], Service], serve: Callable[[Service, Lifetime], bool], *, port: int
) -> int:
    """Start telemetry, build the service, serve it and flush; returns the exit status of the process.

    Args:
        make: Function that builds the service from the environment.
        serve: Function that serves until SIGTERM; it returns False if the server could not start.
        port: Default of PORT.
    """
    environment = Environment()
    telemetry = None
    try:
        telemetry = init(handle_sigterm=False)
        service = make(environment, telemetry)
        lifetime = Lifetime.from_environment(environment, port)
    except (SettingsError, ConfigError) as error:
        print(f"{error}", file=sys.stderr)  # noqa: T201 - logging may not be set up yet
        if telemetry is not None:
            telemetry.shutdown(timeout=0.5)  # no request was served, so nothing important can be lost
        return 2
    served = serve(service, lifetime)
    telemetry.shutdown()
    return 0 if served else 1
