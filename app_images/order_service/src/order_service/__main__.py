"""``python -m order_service`` serves, ``python -m order_service migrate`` applies the migrations."""

from __future__ import annotations

import sys

from order_service.app import build
from service_kit import migrate
from service_kit.serve import run

if __name__ == "__main__":
    sys.exit(migrate.main("order_service", lambda: run(build, port=8082)))
