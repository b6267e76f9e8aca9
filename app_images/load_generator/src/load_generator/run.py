"""A complete run: settings from the environment, readiness of the target, load, flush."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
from time import monotonic
from typing import TYPE_CHECKING

import httpx

from load_generator.load import Bounds, Load
from load_generator.requests import Mix
from otel_mesh_telemetry import init
from otel_mesh_telemetry.http_client import mesh_client
from service_kit.settings import Environment, SettingsError

if TYPE_CHECKING:
    from otel_mesh_telemetry.providers import Providers

_log = logging.getLogger(__name__)
_PEER = "api-gateway"


async def run(environment: Environment | None = None) -> int:
    """Wait for the target, send the requests and flush telemetry.

    The environment variables and their defaults: TARGET_URL (required), RATE_PER_SECOND (1), DURATION_SECONDS (60),
    MAX_IN_FLIGHT (100), ORDER_SHARE (0), USER_IDS (123), TIMEOUT_SECONDS (10), READY_TIMEOUT_SECONDS (60) and
    LINGER_SECONDS (2). The process stays alive for LINGER_SECONDS after the last response, because the sidecar is
    stopped with it and would lose the spans that it has not exported yet.

    Args:
        environment: Environment with the variables; that of the process by default.

    Returns:
        The exit status of the process: 0 if no request was skipped.

    Raises:
        SettingsError: A variable is missing or invalid.
        ConfigError: A variable of telemetry is invalid.
    """
    environment = environment or Environment()
    target = environment.url("TARGET_URL")
    bounds = Bounds(
        rate=environment.number("RATE_PER_SECOND", 1, low=0.01, high=10_000),
        duration=environment.number("DURATION_SECONDS", 60, low=0.1, high=86_400),
        in_flight=int(environment.number("MAX_IN_FLIGHT", 100, low=1, high=10_000)),
    )
    mix = Mix(_ids(environment.text("USER_IDS", "123")), environment.number("ORDER_SHARE", 0, low=0, high=1))
    timeout = environment.number("TIMEOUT_SECONDS", 10, low=0.1, high=120)
    ready_timeout = environment.number("READY_TIMEOUT_SECONDS", 60, low=0, high=600)
    linger = environment.number("LINGER_SECONDS", 2, low=0, high=60)
    telemetry = init(handle_sigterm=False)
    try:
        if not await _becomes_ready(target, ready_timeout):
            _log.error("%s: not ready after %g s; check the target's pods and TARGET_URL", target, ready_timeout)
            return 1
        load = await _run(target, timeout, mix, bounds, telemetry)
        await asyncio.sleep(linger)
    finally:
        telemetry.shutdown()
    return 0 if load.totals.skipped == 0 else 1


async def _run(target: str, timeout: float, mix: Mix, bounds: Bounds, telemetry: Providers) -> Load:  # noqa: ASYNC109 - timeout per request
    client = mesh_client(
        target,
        peer=_PEER,
        timeout=timeout,
        max_connections=bounds.in_flight,
        tracer_provider=telemetry.tracer_provider,
        meter_provider=telemetry.meter_provider,
    )
    load = Load(client, mix, bounds, telemetry.meter_provider)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, load.stop)
    _log.info("load started: %g requests per second for %g s", bounds.rate, bounds.duration)
    async with client:
        await load.run()
    _log.info("load ended: %s", load.totals)
    return load


def _ids(text: str) -> list[int]:
    try:
        return [int(one) for one in text.split(",")]
    except ValueError:
        raise SettingsError(f"USER_IDS={text!r}: not a list of numbers; set one such as 1,2,3") from None


async def _becomes_ready(target: str, ready_timeout: float) -> bool:
    """True if the target becomes ready in time; the checks are excluded from sampling."""
    end = monotonic() + ready_timeout
    unsampled = {"traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"}
    async with httpx.AsyncClient(timeout=2) as client:
        while True:
            try:
                if (await client.get(f"{target}/readyz", headers=unsampled)).status_code == httpx.codes.OK:
                    return True
            except httpx.HTTPError as error:
                _log.debug("%s: not ready: %s", target, type(error).__name__)
            if monotonic() >= end:
                return False
            await asyncio.sleep(0.5)
