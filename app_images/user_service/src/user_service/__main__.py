"""``python -m user_service`` serves the protocol in PROTOCOL, ``http`` or ``grpc``; ``migrate`` applies migrations."""

from __future__ import annotations

import sys

from service_kit import grpc_serve, migrate, serve
from service_kit.settings import Environment, SettingsError
from user_service import grpc_app, http_app

PORT = 8081


def main() -> int:
    """Serve until SIGTERM; returns the exit status of the process."""
    try:
        protocol = Environment().choice("PROTOCOL", "grpc", ("http", "grpc"))
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging is not set up yet
        return 2
    if protocol == "grpc":
        return grpc_serve.run(grpc_app.build, port=PORT)
    return serve.run(http_app.build, port=PORT)


if __name__ == "__main__":
    sys.exit(migrate.main("user_service", main))
