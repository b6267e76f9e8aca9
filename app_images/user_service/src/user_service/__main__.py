"""``python -m user_service``."""

from __future__ import annotations

import sys

from service_kit.serve import run
from user_service.app import build

if __name__ == "__main__":
    sys.exit(run(build, port=8081))
