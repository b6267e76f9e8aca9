"""``python -m <service> migrate``: applies the migrations of a service and exits.

Requires the extra ``postgres``. It may run in several replicas at once: one applies the migrations while the others
wait.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import psycopg

from otel_mesh_telemetry import ConfigError, init
from service_kit.database import DatabaseSettings
from service_kit.migrations import MigrationError, migrate
from service_kit.settings import Environment, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.resources.abc import Traversable

COMMAND: Final = "migrate"
_PAUSE_S: Final = 0.25
_MAX_PAUSE_S: Final = 5.0
_LOCK_TIMEOUT_MS: Final = 60_000
_log = logging.getLogger(__name__)


def main(service: str, serve: Callable[[], int], arguments: Sequence[str] | None = None) -> int:
    """Main program of a service with a database: serves, or migrates with the argument ``migrate``.

    Args:
        service: Name of the service's package, which has SQL files in the folder ``migrations``.
        serve: Function that serves until SIGTERM and returns the exit status.
        arguments: Command-line arguments; those of the process by default.

    Returns:
        The exit status of the process.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        return serve()
    if list(arguments) != [COMMAND]:
        print(f"{' '.join(arguments)}: unknown command; use '{COMMAND}', or no argument to serve", file=sys.stderr)  # noqa: T201 - logging is not set up yet
        return 2
    # Logs go to standard output only, so that migrations do not wait for a Collector.
    os.environ.setdefault("OTEL_SDK_DISABLED", "true")
    # Process 1 of a container ignores SIGTERM by default.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        telemetry = init(handle_sigterm=False)
        settings = DatabaseSettings.from_environment(Environment())
    except (SettingsError, ConfigError) as error:
        print(f"{error}", file=sys.stderr)  # noqa: T201 - as above
        return 2
    try:
        return asyncio.run(_run(settings, service.replace("_", "-"), files(service) / "migrations"))
    finally:
        telemetry.shutdown()


async def _run(settings: DatabaseSettings, name: str, folder: Traversable) -> int:
    """Apply the migrations, and wait for the database if it is not ready."""
    pause = _PAUSE_S
    while True:
        # Migrations may take longer than the statement timeout of requests.
        options = {"application_name": f"{name} migrate", "options": f"-c lock_timeout={_LOCK_TIMEOUT_MS}"}
        try:
            async with await psycopg.AsyncConnection.connect(
                **{**settings.connection(), **options}, autocommit=True
            ) as connection:
                if not await migrate(connection, folder):
                    _log.info("schema is up to date")
                return 0
        except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege, OSError) as error:
            # The database is starting or its roles do not exist yet.
            _log.warning("database not ready: %s", error)
        except (MigrationError, psycopg.Error) as error:
            # only the primary message of the database, as the details may contain values of rows
            reason = error if isinstance(error, MigrationError) else error.diag.message_primary
            _log.error("schema not migrated: %s: %s", type(error).__name__, reason)
            return 1
        await asyncio.sleep(pause)
        pause = min(pause * 2, _MAX_PAUSE_S)
