"""The coverage-guided fuzzer around :mod:`tests.app_images.telemetry.fuzz.target`, whose target is the first argument.

::

    python -m venv /tmp/fuzz
    /tmp/fuzz/bin/pip install --require-hashes -r requirements/fuzz.txt
    /tmp/fuzz/bin/pip install --require-hashes -r requirements/services.txt
    PYTHONPATH=app_images/telemetry/src:. /tmp/fuzz/bin/python -m tests.app_images.telemetry.fuzz.run sql \\
        -max_total_time=600 -dict=tests/app_images/telemetry/fuzz/words.dict tests/app_images/telemetry/fuzz/corpus/sql
"""

from __future__ import annotations

import logging
import sys
from functools import partial

import atheris  # type: ignore[import-untyped]

OBSERVED = ["otel_mesh_telemetry", "opentelemetry.baggage", "opentelemetry.trace", "opentelemetry.propagators"]

with atheris.instrument_imports(include=OBSERVED):
    from tests.app_images.telemetry.fuzz.target import TARGETS, check

if __name__ == "__main__":
    logging.disable()
    name = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        sys.exit(f"{name!r}: no target; name one of {', '.join(TARGETS)}")
    atheris.Setup(sys.argv, partial(check, name))
    atheris.Fuzz()
