"""What the environment says about telemetry, read once and checked.

Variables of the OpenTelemetry specification win over everything; the names in :data:`ALIASES` are accepted
where it has none, or says nothing. As the specification asks, an OTEL_* value that is not understood is
warned about and ignored; for names of our own it is an error. Headers, compression and endpoints are read by
the SDK's exporters themselves.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_telemetry.profiles import PROFILES, Batching, override
from otel_mesh_telemetry.propagation import DEFAULT
from otel_mesh_telemetry.sampling import sampler_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace.sampling import Sampler

_log = logging.getLogger(__name__)

ALIASES: dict[str, str] = {
    "service.name": "SERVICE_NAME",
    "service.version": "SERVICE_VERSION",
    "service.instance.id": "POD_UID",
    "deployment.environment.name": "ENVIRONMENT",
    "k8s.pod.name": "POD_NAME",
    "k8s.pod.uid": "POD_UID",
    "k8s.pod.ip": "POD_IP",
    "k8s.namespace.name": "POD_NAMESPACE",
    "k8s.node.name": "NODE_NAME",
    "k8s.cluster.name": "CLUSTER_NAME",
    "service.mesh": "SERVICE_MESH",
    "service.mesh.version": "MESH_VERSION",
    "istio.canonical_service": "CANONICAL_SERVICE",
    "istio.canonical_revision": "CANONICAL_REVISION",
    "istio.mesh_id": "MESH_ID",
}
"""Resource attribute -> variable that gives it when neither OTEL_RESOURCE_ATTRIBUTES nor OTEL_SERVICE_NAME does."""

SIGNALS = ("traces", "metrics", "logs")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_BATCH_NUMBERS = ("MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE", "SCHEDULE_DELAY")
_FILES = ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE")


class ConfigError(ValueError):
    """A variable has a value that telemetry cannot start with; the message names variable, value and remedy."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of :func:`otel_mesh_telemetry.init`.

    Attributes:
        exporters: signal (``traces``, ``metrics``, ``logs``) -> ``otlp`` or ``none``.
        protocols: signal -> ``grpc`` (the default) or ``http/protobuf``.
        batching: signal (``traces``, ``logs``) -> how it is gathered.
        aliases: resource attributes that came from :data:`ALIASES`, empty values left out.
        propagators: names for :func:`~otel_mesh_telemetry.propagation.build_propagator`.
        sampler: decides what is kept; None leaves it to the SDK and OTEL_TRACES_SAMPLER.
        log_level: threshold of the root logger.
        disabled: OTEL_SDK_DISABLED: nothing is exported, logs still go to standard output.
    """

    exporters: Mapping[str, str]
    protocols: Mapping[str, str]
    batching: Mapping[str, Batching]
    aliases: Mapping[str, str] = field(default_factory=dict)
    propagators: tuple[str, ...] = DEFAULT
    sampler: Sampler | None = field(default=None, compare=False)
    log_level: str = "INFO"
    disabled: bool = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Config:
        """Read the settings.

        OTEL_MESH_BATCH_PROFILE chooses one of :data:`~otel_mesh_telemetry.profiles.PROFILES`; without it
        the mesh's name (SERVICE_MESH) does. OTEL_BSP_* and OTEL_BLRP_* win over the profile.

        Raises:
            ConfigError: a variable of our own has a value that is not understood, or a file cannot be read.
        """
        env = _Environment(os.environ if environ is None else environ)
        for signal in ("", *(f"{s.upper()}_" for s in SIGNALS)):
            for kind in _FILES:
                env.readable(f"OTEL_EXPORTER_OTLP_{signal}{kind}")
        profile = PROFILES[_profile(env)]
        return cls(
            exporters={s: env.enum((f"OTEL_{s.upper()}_EXPORTER",), "otlp", ("otlp", "none")) for s in SIGNALS},
            protocols={
                s: env.enum(
                    (f"OTEL_EXPORTER_OTLP_{s.upper()}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
                    "grpc",
                    ("grpc", "http/protobuf"),
                )
                for s in SIGNALS
            },
            batching={
                "traces": override(profile, env.numbers("OTEL_BSP_", _BATCH_NUMBERS), env.timeout("TRACES")),
                "logs": override(profile, env.numbers("OTEL_BLRP_", _BATCH_NUMBERS), env.timeout("LOGS")),
            },
            aliases={attribute: value for attribute, name in ALIASES.items() if (value := env.get(name))},
            propagators=tuple(
                dict.fromkeys(name.strip() for name in env.get("OTEL_PROPAGATORS").split(",") if name.strip())
            )
            or DEFAULT,
            sampler=sampler_from(os.environ if environ is None else environ),
            log_level=_level(env),
            disabled=env.get("OTEL_SDK_DISABLED").lower() == "true",
        )


class _Environment:
    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def get(self, name: str) -> str:
        return self._variables.get(name, "").strip()  # empty is as if unset, says the specification

    def enum(self, names: tuple[str, ...], default: str, allowed: tuple[str, ...]) -> str:
        for name in names:
            if value := self.get(name):
                if value in allowed:
                    return value
                _log.warning("%s=%r is not supported and ignored; known are %s", name, value, ", ".join(allowed))
        return default

    def numbers(self, prefix: str, names: tuple[str, ...]) -> dict[str, int]:
        found = {}
        for name in names:
            if value := self.get(prefix + name):
                if value.isdecimal() and int(value) > 0:
                    found[name] = int(value)
                else:
                    _log.warning("%s%s=%r is no positive whole number and ignored", prefix, name, value)
        return found

    def timeout(self, signal: str) -> float | None:
        """Seconds, as the Python exporters read the variable (the specification means milliseconds)."""
        for name in (f"OTEL_EXPORTER_OTLP_{signal}_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"):
            if value := self.get(name):
                try:
                    return float(value)
                except ValueError:
                    raise ConfigError(f"{name}={value!r}: no number of seconds; correct it") from None
        return None

    def readable(self, name: str) -> None:
        if path := self.get(name):
            try:
                with Path(path).open("rb"):
                    pass
            except OSError as error:
                # The exporter would go on without it and fail later, or trust what it should not.
                raise ConfigError(f"{name}={path!r}: {error.strerror}; mount the file there") from error


def _profile(env: _Environment) -> str:
    if name := env.get("OTEL_MESH_BATCH_PROFILE"):
        if name not in PROFILES:
            raise ConfigError(f"OTEL_MESH_BATCH_PROFILE={name!r}: not known; set one of {', '.join(PROFILES)}")
        return name
    mesh = env.get("SERVICE_MESH")
    return mesh if mesh in PROFILES else "default"


def _level(env: _Environment) -> str:
    value = env.get("LOG_LEVEL").upper() or "INFO"
    value = {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(value, value)
    if value not in _LEVELS:
        raise ConfigError(f"LOG_LEVEL={value!r}: not known; set one of {', '.join(_LEVELS)}")
    return value
