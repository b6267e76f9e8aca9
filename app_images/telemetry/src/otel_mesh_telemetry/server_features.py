"""Server features configured in the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from otel_mesh_telemetry.config import ConfigError
from otel_mesh_telemetry.header_capture import HeaderCapture
from otel_mesh_telemetry.peer import PeerIdentity, Trust
from otel_mesh_telemetry.routing import Canary, FaultRoute, RequestId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_telemetry.features import Feature


def features_from(environ: Mapping[str, str] | None = None) -> list[Feature]:
    """Features for :class:`~otel_mesh_telemetry.asgi.ServerMiddleware`.

    Always included: request ID, canary and fault-route attributes. OTEL_MESH_PEER_IDENTITY selects a
    :class:`~otel_mesh_telemetry.peer.Trust`, ``none`` by default.
    OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST lists headers to record, separated by commas.

    Raises:
        ConfigError: A value is unknown, or a listed header carries credentials.
    """
    env = os.environ if environ is None else environ
    features: list[Feature] = [RequestId(), Canary(), FaultRoute()]
    wanted = env.get("OTEL_MESH_PEER_IDENTITY", "").strip() or Trust.NONE
    try:
        trust = Trust(wanted)
    except ValueError:
        raise ConfigError(f"OTEL_MESH_PEER_IDENTITY={wanted!r}: unknown value; set one of {', '.join(Trust)}") from None
    if trust is not Trust.NONE:
        features.append(PeerIdentity(trust))
    listed = env.get("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", "")
    if names := [name.strip() for name in listed.split(",") if name.strip()]:
        try:
            features.append(HeaderCapture(names))
        except ValueError as error:
            raise ConfigError(f"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST: {error}") from None
    return features
