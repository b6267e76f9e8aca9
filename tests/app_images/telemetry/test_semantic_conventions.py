"""Names, units and the schema's release, compared with the registry that opentelemetry-semantic-conventions brings.

The library's own sources are read, so that a name is checked wherever it is written, not only where a test comes by.
"""

from __future__ import annotations

import ast
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import opentelemetry.semconv
import pytest
from opentelemetry.semconv.schemas import Schemas

import otel_mesh_telemetry
from otel_mesh_telemetry import ServerMiddleware, instrumentation
from otel_mesh_telemetry.http_client import mesh_client
from otel_mesh_telemetry.testing import capture
from tests.app_images.telemetry.asgi_calls import call, scope_of

NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
OWN = ("otel_mesh.", "mesh.peer.")
"""Name spaces of the library's own."""
OTHERS = ("otel_mesh_telemetry.", "opentelemetry.", "multiprocessing.", "grpc.")
"""What names of modules and options of gRPC's channels begin with."""

NOT_OF_THE_REGISTRY = {
    # resource attributes of meshes, which the registry has none for
    *("istio.canonical_service", "istio.canonical_revision", "istio.mesh_id", "service.mesh", "service.mesh.version"),
    # still what most backends draw the edges of their service map from; beside its successor service.peer.name
    "peer.service",
}
NO_TELEMETRY = {
    *("http.response.start", "http.response.body", "http.response.pathsend", "http.response.zerocopysend"),  # ASGI
    *("websocket.accept", "websocket.close", "websocket.disconnect", "websocket.http.response.start"),
    *("fastapi.telemetry", "fastapi.applications", "starlette.applications"),  # modules
    "exception.escaped",  # taken off
}


def registry() -> tuple[dict[str, str], dict[str, str]]:
    """Attributes and metrics of the installed release: name -> what is said of it."""
    attributes: dict[str, str] = {}
    metrics: dict[str, str] = {}
    root = Path(str(opentelemetry.semconv.__file__)).parent
    paths = [*root.rglob("*_attributes.py"), *root.rglob("*_metrics.py")]
    # What is stable is listed among the incubating names too, as deprecated in favour of itself: it is read last.
    for path in sorted(paths, key=lambda path: "_incubating" not in path.parts):
        nodes = ast.parse(path.read_text()).body
        for node, after in zip(nodes, [*nodes[1:], ast.Pass()], strict=False):
            target = node.target if isinstance(node, ast.AnnAssign) else None
            if not (isinstance(target, ast.Name) and target.id.isupper() and isinstance(node, ast.AnnAssign)):
                continue
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                about = (
                    after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
                )
                kind = metrics if path.stem.endswith("_metrics") else attributes
                kind[node.value.value] = str(about)
    return attributes, metrics


ATTRIBUTES, METRICS = registry()


def written() -> dict[str, set[str]]:
    """Dotted names in the library's sources -> modules that write them; docstrings are prose and left out."""
    found: dict[str, set[str]] = {}
    root = Path(str(otel_mesh_telemetry.__file__)).parent
    for path in root.rglob("*.py"):
        tree = ast.parse(path.read_text())
        parts = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
        for node in ast.walk(tree):
            name = node.value if isinstance(node, ast.Constant) and id(node) not in parts else None
            if not isinstance(name, str) or not NAME.fullmatch(name) or name.startswith(OWN + OTHERS):
                continue
            if name not in NO_TELEMETRY:
                found.setdefault(name, set()).add(path.stem)
    return found


WRITTEN = written()


def test_the_registry_was_found() -> None:
    assert {"http.route", "db.query.summary", "service.peer.name"} <= ATTRIBUTES.keys()
    assert {"http.server.request.duration", "rpc.client.call.duration"} <= METRICS.keys()
    assert {"http.route", "http.response.status_code", "db.query.text", "rpc.method"} <= WRITTEN.keys()


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_every_name_is_the_registrys_and_not_deprecated(name: str) -> None:
    if name in NOT_OF_THE_REGISTRY:
        about = ATTRIBUTES.get(name, "Deprecated")
    else:
        about = ATTRIBUTES.get(name) or METRICS.get(name) or ""
        assert about or name in ATTRIBUTES or name in METRICS, f"{name} of {WRITTEN[name]} is in no registry"
        assert not about.lstrip().startswith("Deprecated"), f"{name} of {WRITTEN[name]}: {about.strip()}"


def test_the_exceptions_are_still_exceptions() -> None:
    for name in NOT_OF_THE_REGISTRY:
        assert name in WRITTEN
        assert name not in ATTRIBUTES or ATTRIBUTES[name].lstrip().startswith("Deprecated")


def test_the_schema_is_the_newest_that_is_installed() -> None:
    newest = max(Schemas, key=lambda schema: [int(part) for part in schema.value.rsplit("/", 1)[1].split(".")])
    assert newest.value == instrumentation.SCHEMA_URL


async def test_spans_and_metrics_tell_schema_and_version() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with capture() as seen:
        await call(ServerMiddleware(app, **seen.providers), scope_of("/"))
        mesh_client("http://users", peer="users", **seen.providers)
        (span,) = seen.spans()
        data = seen._reader.get_metrics_data()  # noqa: SLF001 - the scope of a metric has no other way
    scopes = [span.instrumentation_scope]
    scopes += [found.scope for resource in (data.resource_metrics if data else ()) for found in resource.scope_metrics]
    assert len(scopes) >= 2
    for scope in scopes:
        assert scope is not None
        assert (scope.schema_url, scope.version) == (instrumentation.SCHEMA_URL, instrumentation.VERSION)
    assert version("otel-mesh-telemetry") == instrumentation.VERSION


@pytest.mark.parametrize("name", [name for name in sorted(WRITTEN) if name in METRICS])
async def test_metrics_have_the_registrys_unit(name: str) -> None:
    unit = re.search(r"Unit: (\S+)", METRICS[name])
    assert unit is not None
    root = Path(str(otel_mesh_telemetry.__file__)).parent
    units = {
        keyword.value.value
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and any(isinstance(arg, ast.Constant) and arg.value == name for arg in node.args)
        for keyword in node.keywords
        if keyword.arg == "unit" and isinstance(keyword.value, ast.Constant)
    }
    assert units == {unit[1]}
