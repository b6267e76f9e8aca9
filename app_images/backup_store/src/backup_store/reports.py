"""Reports of copied dumps: gauges that are sent to a Collector as OTLP."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from service_kit.settings import Environment

_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Reports:
    """Sender of the same metrics as the dumping script's, ``postgres.backup.*``, with the same resource.

    Attributes:
        endpoint: URL of the Collector's metrics receiver; empty: nothing is sent.
        service: ``service.name`` of the metrics.
        namespace: ``service.namespace`` of the metrics.
    """

    endpoint: str
    service: str
    namespace: str

    @classmethod
    def from_environment(cls, environment: Environment) -> Reports:
        """The sender from OTLP_HOST, OTLP_PORT, SERVICE_NAME and POD_NAMESPACE.

        Raises:
            SettingsError: A variable is missing or invalid.
        """
        host = environment.text("OTLP_HOST", "")
        port = int(environment.number("OTLP_PORT", 4318, low=1, high=65535))
        endpoint = f"http://{host}:{port}/v1/metrics" if host else ""
        return cls(endpoint, environment.text("SERVICE_NAME"), environment.text("POD_NAMESPACE"))

    def success(self, database: str, dumped_at: int, size: int) -> None:
        """Report a stored dump: its time in seconds since the epoch, and its size in bytes."""
        self._send("success_time", "s", database, dumped_at)
        self._send("size", "By", database, size)

    def failure(self, database: str) -> None:
        """Report that the dumps of a database could not be stored."""
        self._send("failure_time", "s", database, int(time.time()))

    def _send(self, metric: str, unit: str, database: str, value: int) -> None:
        if not self.endpoint:
            return
        point = {
            "asInt": str(value),
            "timeUnixNano": str(time.time_ns()),
            "attributes": [_attribute("db.namespace", database)],
        }
        gauge = {"name": f"postgres.backup.{metric}", "unit": unit, "gauge": {"dataPoints": [point]}}
        names = {"service.name": self.service, "service.namespace": self.namespace}
        resource = {"attributes": [_attribute(name, value) for name, value in names.items()]}
        body = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [gauge]}]}]}
        try:
            httpx.post(self.endpoint, json=body, timeout=_TIMEOUT_S).raise_for_status()
        except httpx.HTTPError as error:
            print(f"{database}: {metric} could not be reported: {error}", file=sys.stderr)  # noqa: T201


def _attribute(name: str, value: str) -> dict[str, Any]:
    return {"key": name, "value": {"stringValue": value}}
