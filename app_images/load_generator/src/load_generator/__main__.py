"""``python -m load_generator``: a single run; the exit status is 0 if no request was skipped."""

from __future__ import annotations

import asyncio
import sys

from load_generator.run import run
from otel_mesh_telemetry import ConfigError
from service_kit.settings import SettingsError

if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(run()))
    except (SettingsError, ConfigError) as error:
        print(f"{error}", file=sys.stderr)  # noqa: T201 - logging may not be set up yet
        sys.exit(2)
