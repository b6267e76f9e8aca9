"""What the library takes of OpenTelemetry that is private there: nothing without a name, a bound and a reason."""

from __future__ import annotations

import ast
import logging
import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import opentelemetry.sdk.trace
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanContext

import otel_mesh_telemetry
from otel_mesh_telemetry import steady
from otel_mesh_telemetry.exporters import span_exporter
from tests.app_images.telemetry.test_steady_export import Busy, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

ROOT = Path(str(otel_mesh_telemetry.__file__)).parent

IMPORTS = {
    # The logs of the specification are stable; the Python packages keep the underscore of their first days, and there
    # are no other names.
    "opentelemetry._logs",
    "opentelemetry.sdk._logs",
    "opentelemetry.sdk._logs.export",
}
OVERRIDES = {("steady.py", "_translate_data")}
PATCHES = {"opentelemetry.sdk.trace.time_ns"}
"""The test helpers' clock; a test of this file says when it is gone."""


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.name, ast.parse(path.read_text())


def private(name: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def test_no_private_module_or_name_of_opentelemetry_is_imported_unnamed() -> None:
    found = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("opentelemetry"):
                found |= {node.module for name in node.names if private(f"{node.module}.{name.name}")}
            elif isinstance(node, ast.Import):
                found |= {
                    name.name for name in node.names if name.name.startswith("opentelemetry") and private(name.name)
                }
    assert found == IMPORTS


def test_no_private_method_of_the_sdk_is_called_through_super_or_overridden_unnamed() -> None:
    found = set()
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call):
                function = node.value.func
                if isinstance(function, ast.Name) and function.id == "super" and private(node.attr):
                    found.add((name, node.attr))
    assert found == OVERRIDES


def test_no_private_attribute_of_another_object_is_read() -> None:
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and private(node.attr) and isinstance(node.value, ast.Name):
                assert node.value.id in ("self", "cls"), (name, node.lineno)


def test_what_is_patched_is_there() -> None:
    patched = {match for path in ROOT.rglob("*.py") for match in re.findall(r'patch\("([\w.]+)"', path.read_text())}
    assert patched == PATCHES
    assert callable(opentelemetry.sdk.trace.time_ns)  # type: ignore[attr-defined]


SPANS = [ReadableSpan(f"work {number}", SpanContext(1, 2, is_remote=False)) for number in range(3)]


def test_the_installed_exporter_is_one_that_was_looked_at() -> None:
    release = tuple(int(part) for part in version("opentelemetry-exporter-otlp-proto-grpc").split(".")[:2])
    assert release <= steady.NEWEST_VERIFIED, "look at its _translate_data and _export, then raise NEWEST_VERIFIED"


def test_why_translate_data_is_overridden_the_sdk_encodes_a_batch_for_each_attempt(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    encoded = counted(monkeypatch, trace_exporter, "encode_spans")
    with Busy() as receiver:
        exporter = trace_exporter.OTLPSpanExporter(endpoint=receiver.endpoint)
        assert exporter.export(SPANS) is SpanExportResult.SUCCESS
        exporter.shutdown()
    assert len(encoded) == 3, "once for each attempt; were it one, the override could go"


def test_with_a_release_that_nobody_looked_at_the_override_is_left_out_and_spans_arrive(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    monkeypatch.setattr(steady, "_installed", lambda: "99.0.0rc1")
    assert steady.mixins("grpc") == steady.mixins("http/protobuf") == (steady.Steady,)
    with Busy() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        exporter = span_exporter("grpc")
        assert not isinstance(exporter, steady.EncodedOnce)
        assert exporter.export(SPANS) is SpanExportResult.SUCCESS
        exporter.shutdown()
    assert len(receiver.spans) == 3
