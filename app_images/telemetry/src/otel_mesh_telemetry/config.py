"""What the environment says about telemetry, read once and checked.

Variables of the OpenTelemetry specification win over everything; the names in :data:`ALIASES` are
accepted for what the specification has no variable of its own for, or as a fall-back. Everything the
SDK and its exporters read by themselves (headers, certificates, compression, timeouts) is left to them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ALIASES: dict[str, tuple[str, ...]] = {
    "service.name": ("SERVICE_NAME",),
    "service.version": ("SERVICE_VERSION",),
    "service.instance.id": ("POD_UID",),
    "deployment.environment.name": ("ENVIRONMENT",),
    "k8s.pod.name": ("POD_NAME",),
    "k8s.pod.uid": ("POD_UID",),
    "k8s.pod.ip": ("POD_IP",),
    "k8s.namespace.name": ("POD_NAMESPACE",),
    "k8s.node.name": ("NODE_NAME",),
    "k8s.cluster.name": ("CLUSTER_NAME",),
    "service.mesh": ("SERVICE_MESH",),
    "service.mesh.version": ("MESH_VERSION",),
    "istio.canonical_service": ("CANONICAL_SERVICE",),
    "istio.canonical_revision": ("CANONICAL_REVISION",),
    "istio.mesh_id": ("MESH_ID",),
}
"""Resource attribute -> variables that give it when neither OTEL_RESOURCE_ATTRIBUTES nor OTEL_SERVICE_NAME does."""

_EXPORTERS = ("otlp", "none")
_PROTOCOLS = ("grpc", "http/protobuf")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class ConfigError(ValueError):
    """A variable has a value that telemetry cannot start with; the message names variable, value and remedy."""


def _choice(environ: Mapping[str, str], names: tuple[str, ...], default: str, allowed: tuple[str, ...]) -> str:
    for name in names:
        if value := environ.get(name, "").strip():
            if value not in allowed:
                raise ConfigError(f"{name}={value!r}: not known; set one of {', '.join(allowed)}")
            return value
    return default


def _level(environ: Mapping[str, str]) -> str:
    value = environ.get("LOG_LEVEL", "").strip().upper() or "INFO"
    value = {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(value, value)
    if value not in _LEVELS:
        raise ConfigError(f"LOG_LEVEL={value!r}: not known; set one of {', '.join(_LEVELS)}")
    return value


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of :func:`otel_mesh_telemetry.init`.

    Attributes:
        exporters: signal (``traces``, ``metrics``, ``logs``) -> ``otlp`` or ``none``.
        protocols: signal -> ``grpc`` or ``http/protobuf``.
        aliases: resource attributes that came from :data:`ALIASES`, empty values left out.
        log_level: threshold of the root logger.
        disabled: OTEL_SDK_DISABLED: nothing is exported, logs still go to standard output.
    """

    exporters: Mapping[str, str]
    protocols: Mapping[str, str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    log_level: str = "INFO"
    disabled: bool = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Config:
        """Read the settings.

        Raises:
            ConfigError: a variable has a value that is not understood.
        """
        env = os.environ if environ is None else environ
        signals = ("traces", "metrics", "logs")
        aliases = {
            attribute: value
            for attribute, names in ALIASES.items()
            if (value := next((found for name in names if (found := env.get(name, "").strip())), ""))
        }
        return cls(
            exporters={s: _choice(env, (f"OTEL_{s.upper()}_EXPORTER",), "otlp", _EXPORTERS) for s in signals},
            protocols={
                s: _choice(
                    env,
                    (f"OTEL_EXPORTER_OTLP_{s.upper()}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
                    "grpc",
                    _PROTOCOLS,
                )
                for s in signals
            },
            aliases=aliases,
            log_level=_level(env),
            disabled=env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true",
        )
