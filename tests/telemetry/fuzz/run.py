"""The coverage-guided fuzzer around :mod:`tests.telemetry.fuzz.target`.

::

    python -m venv /tmp/fuzz
    /tmp/fuzz/bin/pip install --require-hashes -r requirements/fuzz.txt
    /tmp/fuzz/bin/pip install --require-hashes -r requirements/services.txt
    PYTHONPATH=app_images/telemetry/src:. /tmp/fuzz/bin/python -m tests.telemetry.fuzz.run \\
        -max_total_time=300 -dict=tests/telemetry/fuzz/headers.dict tests/telemetry/fuzz/corpus
"""

from __future__ import annotations

import logging
import sys

import atheris  # type: ignore[import-untyped]

OBSERVED = ["otel_mesh_telemetry", "opentelemetry.baggage", "opentelemetry.trace", "opentelemetry.propagators"]

with atheris.instrument_imports(include=OBSERVED):
    from tests.telemetry.fuzz.target import check

if __name__ == "__main__":
    logging.disable()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
