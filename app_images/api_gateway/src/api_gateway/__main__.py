"""``python -m api_gateway``."""

from __future__ import annotations

import sys

from api_gateway.app import build
from service_kit.serve import run

if __name__ == "__main__":
    sys.exit(run(build, port=8080))
