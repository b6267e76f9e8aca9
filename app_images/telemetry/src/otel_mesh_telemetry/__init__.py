"""Traces, metrics and logs for services in a mesh.

Start with :func:`init`, wrap an ASGI application in :class:`ServerMiddleware`, make clients with
:func:`otel_mesh_telemetry.http_client.mesh_client` and database connections with
:mod:`otel_mesh_telemetry.postgres`.
"""

from __future__ import annotations

from otel_mesh_telemetry.asgi import ServerMiddleware
from otel_mesh_telemetry.config import Config, ConfigError
from otel_mesh_telemetry.handle import Telemetry, init

__all__ = ["Config", "ConfigError", "ServerMiddleware", "Telemetry", "init"]
