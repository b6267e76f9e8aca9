"""The corners of a start without code or with one call: what is refused, what is left out, what is printed."""

from __future__ import annotations

import importlib
import json
import logging
import subprocess
import sys
import textwrap
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette

from otel_mesh_telemetry import instrument
from otel_mesh_telemetry.asgi_applications import serve_traced
from otel_mesh_telemetry.distro import MeshConfigurator, MeshDistro
from otel_mesh_telemetry.libraries import OURS
from tests.app_images.telemetry.adoption.foreign import BIN, environment
from tests.app_images.telemetry.asgi_calls import call, scope_of
from tests.app_images.telemetry.otlp_receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def run(program: str, receiver: Receiver, folder: Path, *, with_code: bool = True, **variables: str) -> tuple[str, str]:
    """Output and errors of a program that ends well."""
    (folder / "program.py").write_text(textwrap.dedent(program))
    command = [] if with_code else [str(BIN / "opentelemetry-instrument")]
    done = subprocess.run(
        [*command, sys.executable, "program.py"],
        cwd=folder,
        env=environment(receiver, folder, **variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, done.stderr


def test_the_entry_points_lead_to_what_opentelemetry_instrument_asks_for() -> None:
    for group, kind in (("opentelemetry_distro", MeshDistro), ("opentelemetry_configurator", MeshConfigurator)):
        (found,) = entry_points(group=group, name="otel_mesh")
        assert found.load() is kind


@pytest.mark.parametrize("app", [object(), print, "books:app"])
def test_what_is_no_application_is_refused_before_anything_starts(app: object) -> None:
    with pytest.raises(TypeError, match=r"not a FastAPI, Starlette, Flask or Django application; wrap any other ASGI"):
        instrument(app)


def test_a_missing_instrumentation_names_its_extra(receiver: Receiver, tmp_path: Path) -> None:
    out, _ = run(
        """
        import sys
        from flask import Flask
        from otel_mesh_telemetry import instrument
        sys.modules["opentelemetry.instrumentation.flask"] = None
        try:
            instrument(Flask("books"))
        except ImportError as error:
            print(error)
        """,
        receiver,
        tmp_path,
    )
    assert 'pip install "otel-mesh-telemetry[flask]"' in out


def test_mistakes_in_the_environment_are_logged_at_once_and_the_application_runs(
    receiver: Receiver, tmp_path: Path
) -> None:
    mistakes = {"LOG_LEVEL": "loud", "OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}
    out, err = run("print('runs')", receiver, tmp_path, with_code=False, **mistakes)
    assert out == "runs\n"
    assert "- LOG_LEVEL='loud': unknown value; set one of DEBUG, INFO" in err
    assert "- OTEL_EXPORTER_OTLP_TIMEOUT='soon': not a number of seconds" in err


@pytest.mark.parametrize("name", sorted(OURS))
def test_instrumentations_whose_work_is_done_already_are_never_loaded(name: str) -> None:
    MeshDistro().load_instrumentor(EntryPoint(name, "no.such.module:Instrumentor", "opentelemetry_instrumentor"))
    with pytest.raises(ModuleNotFoundError):
        MeshDistro().load_instrumentor(EntryPoint("other", "no.such.module:Instrumentor", "opentelemetry_instrumentor"))


def test_django_without_settings_keeps_its_settings(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    (found,) = entry_points(group="opentelemetry_instrumentor", name="django")
    with caplog.at_level(logging.WARNING):
        MeshDistro().load_instrumentor(found)
    assert "Django is not instrumented: DJANGO_SETTINGS_MODULE is not set; set it" in caplog.text
    assert not importlib.import_module("django.conf").settings.configured


SPAN = """
    import logging
    from opentelemetry import metrics, trace
    {start}
    with trace.get_tracer("t").start_as_current_span("work"):
        logging.getLogger("books").warning("did it")
    metrics.get_meter("t").create_counter("work.done").add(1)
"""
CONSOLE = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "console", "OTEL_LOGS_EXPORTER": "console"}


@pytest.mark.parametrize("with_code", [True, False])
def test_the_console_shows_each_signal_as_lines_and_nothing_is_sent(
    receiver: Receiver, tmp_path: Path, *, with_code: bool
) -> None:
    start = "from otel_mesh_telemetry import init; init()" if with_code else ""
    out, _ = run(SPAN.format(start=start), receiver, tmp_path, with_code=with_code, **CONSOLE, LOG_LEVEL="WARNING")
    lines: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    (span,) = [line for line in lines if line.get("name") == "work"]
    (record,) = [line for line in lines if line.get("message") == "did it"]
    assert span["context"]["trace_id"] == f"0x{record['trace_id']}"
    names = {
        metric["name"]
        for line in lines
        for resource in line.get("resource_metrics", ())
        for scope in resource["scope_metrics"]
        for metric in scope["metrics"]
    }
    assert "work.done" in names
    assert not receiver.metadata


def test_another_distribution_can_be_chosen(receiver: Receiver, tmp_path: Path) -> None:
    program = "from opentelemetry import trace; print(type(trace.get_tracer_provider()).__name__)"
    out, _ = run(program, receiver, tmp_path, with_code=False)
    assert out.splitlines()[-1] == "TracerProvider"
    out, _ = run(program, receiver, tmp_path, with_code=False, OTEL_PYTHON_CONFIGURATOR="another")
    assert out.splitlines()[-1] == "ProxyTracerProvider"


@pytest.mark.parametrize("kind", [FastAPI, Starlette])
async def test_an_application_stays_what_it_was_and_is_wrapped_once(kind: type[Any]) -> None:
    class Books(kind):  # type: ignore[misc] # of two kinds
        """A user's own."""

    app = Books()
    serve_traced(app, ())
    once = type(app)
    serve_traced(app, ())
    assert type(app) is once
    assert isinstance(app, Books)
    assert (once.__name__, once.__module__) == (Books.__name__, __name__)
    scope = scope_of("/livez")
    assert (await call(app, scope))[0]["status"] == 404
    assert type(Books()) is Books, "others of its kind are left alone"
