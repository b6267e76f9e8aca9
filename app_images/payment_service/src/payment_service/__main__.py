"""``python -m payment_service``."""

from __future__ import annotations

import sys

from payment_service.app import build
from service_kit.serve import run

if __name__ == "__main__":
    sys.exit(run(build, port=8083))
