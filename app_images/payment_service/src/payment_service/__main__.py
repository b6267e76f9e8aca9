"""``python -m payment_service`` serves, ``python -m payment_service migrate`` applies the migrations."""

from __future__ import annotations

import sys

from payment_service.app import build
from service_kit import migrate
from service_kit.serve import run

if __name__ == "__main__":
    sys.exit(migrate.main("payment_service", lambda: run(build, port=8083)))
