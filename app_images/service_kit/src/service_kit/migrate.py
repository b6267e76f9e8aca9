"""``python -m <service> migrate``: brings a service's schema up to date and ends.

Needs the extra ``postgres``. Told to several replicas at once, one of them does it; the others find it done.
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
_LONGEST_PAUSE_S: Final = 5.0
_LOCK_TIMEOUT_MS: Final = 60_000
_log = logging.getLogger(__name__)


def main(service: str, serve: Callable[[], int], arguments: Sequence[str] | None = None) -> int:
    """What a service with a database does as a program: serve, or migrate when it is told to; the exit status.

    Args:
        service: the name of its package, with SQL files in the folder ``migrations``.
        serve: serves until SIGTERM.
        arguments: of the program; its own by default.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        return serve()
    if list(arguments) != [COMMAND]:
        print(f"{' '.join(arguments)}: not known; give {COMMAND}, or nothing to serve", file=sys.stderr)  # noqa: T201 - logging is not set up yet
        return 2
    # Its lines go to standard output as the service's do, and nowhere else: no pod is to wait for a Collector.
    os.environ.setdefault("OTEL_SDK_DISABLED", "true")
    # As process 1 of a container it would not be ended otherwise.
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
    """Migrate as soon as the database lets it."""
    pause = _PAUSE_S
    while True:
        # Migrations may take longer than a request may wait.
        options = {"application_name": f"{name} migrate", "options": f"-c lock_timeout={_LOCK_TIMEOUT_MS}"}
        try:
            async with await psycopg.AsyncConnection.connect(
                **{**settings.connection(), **options}, autocommit=True
            ) as connection:
                if not await migrate(connection, folder):
                    _log.info("schema is up to date")
                return 0
        except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege, OSError) as error:
            # It starts, or its roles are being made.
            _log.warning("database not ready: %s", error)
        except (MigrationError, psycopg.Error) as error:
            # of the database's own words only those that hold no values of a row
            told = error if isinstance(error, MigrationError) else error.diag.message_primary
            _log.error("schema not migrated: %s: %s", type(error).__name__, told)
            return 1
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_S)
