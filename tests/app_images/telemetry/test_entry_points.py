"""S1.7: what OpenTelemetry itself finds of the library: propagators and samplers by the names that the README lists."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from otel_mesh_telemetry.propagation import KNOWN
from otel_mesh_telemetry.sampling import NAMES


def python(program: str, **variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**environment, **variables},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("first", ["otel_mesh_telemetry", "opentelemetry.propagate"])
def test_every_documented_propagator_can_be_named(first: str) -> None:
    names = ",".join(name for name in KNOWN if name != "none")
    program = f"""
        import {first}
        import otel_mesh_telemetry
        from opentelemetry import baggage, propagate, trace
        def read():
            carrier = {{"l5d-ctx-trace": "AAAAAAAAAAkAAAAAAAAAAAAAAAAAAAAHAAAAAAAAAAY=", "baggage-tier": "gold"}}
            context = propagate.extract(carrier)
            return trace.get_current_span(context).get_span_context().span_id, baggage.get_baggage("tier", context)
        print(read())
        telemetry = otel_mesh_telemetry.init()
        print(read(), type(propagate.get_global_textmap()).__name__)
    """
    told = python(program, OTEL_PROPAGATORS=names, OTEL_SDK_DISABLED="true")
    assert told == "(9, 'gold')\n(9, 'gold') MeshPropagator\n"


@pytest.mark.parametrize(
    ("name", "argument", "about"), [("mesh_ingress", "", "root=AlwaysOn"), (NAMES[1], "0.5", "0.5")]
)
def test_the_sdk_configures_itself_with_our_samplers(name: str, argument: str, about: str) -> None:
    program = """
        from opentelemetry.util._importlib_metadata import entry_points
        import os
        (found,) = entry_points(group="opentelemetry_traces_sampler", name=os.environ["OTEL_TRACES_SAMPLER"])
        print(found.load()(os.environ["OTEL_TRACES_SAMPLER_ARG"]).get_description())
    """
    told = python(program, OTEL_TRACES_SAMPLER=name, OTEL_TRACES_SAMPLER_ARG=argument)
    assert about in told
    assert told.startswith("MeshSampler")
