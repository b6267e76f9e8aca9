"""Traces, metrics and logs for services in a mesh.

:func:`instrument` adds telemetry to an existing application. A service written for the mesh calls :func:`init`, wraps
its ASGI application in :class:`ServerMiddleware`, creates clients with :func:`mesh_client` and database cursors with
:func:`traced_cursor`.

Names whose modules need an optional dependency (an extra) are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from otel_mesh_telemetry.applications import instrument
from otel_mesh_telemetry.asgi import ServerMiddleware
from otel_mesh_telemetry.config import Config, ConfigError
from otel_mesh_telemetry.handle import Telemetry, init
from otel_mesh_telemetry.server_features import features_from

if TYPE_CHECKING:
    from otel_mesh_telemetry.ab_testing import ABTesting, Experiment
    from otel_mesh_telemetry.deadline import remaining, within
    from otel_mesh_telemetry.grpc_aio_server import AioServerInterceptor
    from otel_mesh_telemetry.grpc_channel import mesh_channel
    from otel_mesh_telemetry.grpc_client import ClientInterceptor
    from otel_mesh_telemetry.grpc_server import ServerInterceptor
    from otel_mesh_telemetry.http_client import callee_url, mesh_client
    from otel_mesh_telemetry.postgres import traced_cursor
    from otel_mesh_telemetry.redis import TracedRedis
    from otel_mesh_telemetry.retries import Retries
    from otel_mesh_telemetry.testing import capture

_LAZY_MODULES: Final = {
    "ABTesting": "ab_testing",
    "AioServerInterceptor": "grpc_aio_server",
    "ClientInterceptor": "grpc_client",
    "Experiment": "ab_testing",
    "Retries": "retries",
    "ServerInterceptor": "grpc_server",
    "TracedRedis": "redis",
    "callee_url": "http_client",
    "capture": "testing",
    "mesh_channel": "grpc_channel",
    "mesh_client": "http_client",
    "remaining": "deadline",
    "traced_cursor": "postgres",
    "within": "deadline",
}
"""Public name -> module imported on first use."""

__all__ = [
    "ABTesting",
    "AioServerInterceptor",
    "ClientInterceptor",
    "Config",
    "ConfigError",
    "Experiment",
    "Retries",
    "ServerInterceptor",
    "ServerMiddleware",
    "Telemetry",
    "TracedRedis",
    "callee_url",
    "capture",
    "features_from",
    "init",
    "instrument",
    "mesh_channel",
    "mesh_client",
    "remaining",
    "traced_cursor",
    "within",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the public names
    if name not in _LAZY_MODULES:
        raise AttributeError(f"module 'otel_mesh_telemetry' has no attribute {name!r}")
    return getattr(import_module(f"otel_mesh_telemetry.{_LAZY_MODULES[name]}"), name)
