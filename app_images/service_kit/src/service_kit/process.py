"""A service as a process: it starts with telemetry, serves until it is told to stop, and loses nothing at its end."""

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
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Where a process serves, and how long its end takes.

    Attributes:
        port: that it listens on.
        delay: seconds between the signal, when readiness goes off, and the end of serving.
        timeout: seconds that calls under way may take then.
    """

    port: int
    delay: float
    timeout: float

    @classmethod
    def from_environment(cls, environment: Environment, port: int) -> Lifetime:
        """Read PORT, SHUTDOWN_DELAY_SECONDS (3) and SHUTDOWN_TIMEOUT_SECONDS (10).

        Raises:
            SettingsError: one is wrong.
        """
        return cls(
            port=int(environment.number("PORT", port, low=1, high=65535)),
            delay=environment.number("SHUTDOWN_DELAY_SECONDS", 3, low=0, high=120),
            timeout=environment.number("SHUTDOWN_TIMEOUT_SECONDS", 10, low=0, high=300),
        )


class Drain:
    """What SIGTERM begins: readiness goes off, calls are still served for a while, then serving stops.

    Args:
        probes: told that the process drains.
        delay: seconds between the two: until every proxy has noticed, requests still come in, and refusing them would
            fail them.
        stop: ends serving; its argument says whether at once, because a second signal came.
    """

    def __init__(self, probes: Probes, delay: float, stop: Callable[[bool], None]) -> None:
        self._probes = probes
        self._delay = delay
        self._stop = stop

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals of the running loop's process."""
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
            self._stop(True)  # noqa: FBT003 - the callback's only argument
            return
        _log.info("draining: no longer ready, serving on for %g s", self._delay)
        self._probes.draining = True
        asyncio.get_running_loop().call_later(self._delay, self._stop, False)  # noqa: FBT003 - as above


def run(make: Callable[[Environment, Providers], Made], serve: Callable[[Made, Lifetime], bool], *, port: int) -> int:
    """Start telemetry, build what is served, serve it, flush; the process's exit status.

    Args:
        make: builds it from the environment.
        serve: serves it until SIGTERM, and says whether it ever came to that.
        port: where PORT is not set.
    """
    environment = Environment()
    telemetry = None
    try:
        telemetry = init(handle_sigterm=False)
        made = make(environment, telemetry)
        lifetime = Lifetime.from_environment(environment, port)
    except (SettingsError, ConfigError) as error:
        print(f"{error}", file=sys.stderr)  # noqa: T201 - logging may not be set up yet
        if telemetry is not None:
            telemetry.shutdown(timeout=0.5)  # nothing was served that could be missed
        return 2
    served = serve(made, lifetime)
    telemetry.shutdown()
    return 0 if served else 1
