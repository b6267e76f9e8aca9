"""The four services as processes on one PostgreSQL, watched through what they export."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import httpx

from tests.app_images.services.service_process import ServiceProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.app_images.services.postgres_server import PostgresServer
    from tests.app_images.telemetry.otlp_receiver import Receiver

ORDER = {
    "user_id": 123,
    "items": [{"product_id": 1, "quantity": 2, "price": "29.99"}, {"product_id": 2, "quantity": 1, "price": "49.99"}],
}
"""The seed's: 109.97 in all."""


class Shop:
    """Starts the services; those that are stopped can be started again at the same address.

    Attributes:
        running: the processes, by module.
        databases: their databases, by module.
    """

    def __init__(
        self, postgres: PostgresServer, receiver: Receiver, folder: Path, settings: dict[str, dict[str, str]]
    ) -> None:
        self._postgres = postgres
        self._folder = folder
        self._stack = ExitStack()
        self._starts = 0
        self.running: dict[str, ServiceProcess] = {}
        modules = ("user_service", "order_service", "payment_service")
        self.databases = {module: postgres.new_database(module) for module in modules}
        self._settings = {
            module: {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, **settings.get(module, {})}
            for module in (*modules, "api_gateway")
        }
        self._settings["payment_service"] = {"DEMONSTRATION_METHODS": "on", **self._settings["payment_service"]}
        for module in modules:
            self._settings[module] |= postgres.environment(self.databases[module])

    def start(self, module: str) -> ServiceProcess:
        """Start a service and, the first time, tell its callers where it is."""
        self._starts += 1
        process = ServiceProcess(module, self._settings[module], self._folder, f"{module}-{self._starts}")
        self.running[module] = self._stack.enter_context(process)
        self._settings[module]["PORT"] = str(process.port)
        for caller in self._settings.values():
            caller[f"{module.upper()}_URL"] = process.url
        return process

    def stop(self, module: str) -> None:
        """Kill a service as a lost node would."""
        self.running[module].process.kill()
        self.running[module].process.wait(10)

    def __enter__(self) -> Self:
        # callees first: their addresses are settings of their callers
        for module in ("user_service", "payment_service", "order_service", "api_gateway"):
            self.start(module)
        for process in self.running.values():
            process.wait_ready()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def post(
        self, order: object, *, key: str | None = None, headers: dict[str, str] | None = None, timeout: float = 30.0
    ) -> httpx.Response:
        """``POST /api/orders`` at the gateway, of an object or of bytes as they are."""
        keyed = {} if key is None else {"idempotency-key": key}
        return httpx.post(
            f"{self.running['api_gateway'].url}/api/orders",
            content=order if isinstance(order, bytes) else json.dumps(order),
            headers={"content-type": "application/json", **keyed, **(headers or {})},
            timeout=timeout,
        )

    def insist(self, order: object, *, key: str | None = None) -> httpx.Response:
        """`post`, again while it is answered 503: on a busy machine that is the truth, and no test's business."""
        end = time.monotonic() + 60
        while True:
            answer = self.post(order, key=key)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > end:
                return answer

    def rows(self, module: str, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What a service's database holds."""
        with self._postgres.connect(self.databases[module]) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def text(self) -> str:
        """Everything that the processes ever printed."""
        return "".join(path.read_text() for path in sorted(self._folder.glob("*.log")))
