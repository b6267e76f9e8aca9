"""Telemetry settings from environment variables, validated.

The variables of the OpenTelemetry specification take precedence; the names in :data:`ALIASES` apply if the
specification defines no variable, or if that is unset. Invalid OTEL_* values are ignored with a warning, as the
specification requires. Invalid values of this library's own variables are errors, reported all at once. Headers,
compression and endpoints are read by the SDK's exporters.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_mesh_telemetry.profiles import PROFILES, Batching, override
from otel_mesh_telemetry.propagation import DEFAULT
from otel_mesh_telemetry.sampling import sampler_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace.sampling import Sampler

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
"""Resource attribute -> variable used if neither OTEL_RESOURCE_ATTRIBUTES nor OTEL_SERVICE_NAME sets the attribute."""

SIGNALS = ("traces", "metrics", "logs")


class ConfigError(ValueError):
    """Environment variables have invalid values.

    Attributes:
        mistakes: One message per mistake, with variable, value and remedy.
    """

    def __init__(self, *mistakes: str) -> None:
        self.mistakes = mistakes
        several = (f"{len(mistakes)} mistakes in the environment:", *mistakes)
        super().__init__("\n- ".join(several) if len(mistakes) > 1 else "".join(mistakes))


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of :func:`otel_mesh_telemetry.init`.

    Attributes:
        exporters: Signal (``traces``, ``metrics``, ``logs``) -> ``otlp``, ``console`` or ``none``.
        protocols: Signal -> ``grpc`` (the default) or ``http/protobuf``.
        batching: Signal (``traces``, ``logs``) -> settings of its batch processor.
        aliases: Resource attributes read from :data:`ALIASES`, without empty values.
        propagators: Names for :func:`~otel_mesh_telemetry.propagation.build_propagator`.
        sampler: Sampler of traces; None for the SDK's, chosen by OTEL_TRACES_SAMPLER.
        log_level: Level of the root logger.
        disabled: OTEL_SDK_DISABLED. True: nothing is exported; logs are still written to standard output.
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

        OTEL_MESH_BATCH_PROFILE selects one of :data:`~otel_mesh_telemetry.profiles.PROFILES`; the default is the
        profile named like the mesh (SERVICE_MESH). OTEL_BSP_* and OTEL_BLRP_* override the profile.

        Raises:
            ConfigError: This library's variables have invalid values, or files are not readable. The error lists all
                mistakes.
        """
        env = dict(os.environ if environ is None else environ)
        # Imported here because pydantic takes longer to import than the rest of the library.
        from otel_mesh_telemetry import environment  # noqa: PLC0415

        reader = environment.Reader(env)
        process = reader.read(environment.Process)
        shared = reader.read(environment.Otlp)
        own = {signal: reader.read(environment.OTLP[signal]) for signal in SIGNALS}
        spans, records = reader.read(environment.Spans), reader.read(environment.Records)
        reader.check()
        mesh = process.service_mesh
        profile = PROFILES[process.otel_mesh_batch_profile or (mesh if mesh in PROFILES else "default")]
        names = (name.strip() for name in process.otel_propagators.split(","))
        return cls(
            exporters={signal: getattr(process, f"otel_{signal}_exporter") for signal in SIGNALS},
            protocols={signal: own[signal].protocol or shared.protocol or "grpc" for signal in SIGNALS},
            batching={
                "traces": override(profile, spans.numbers(), own["traces"].timeout or shared.timeout),
                "logs": override(profile, records.numbers(), own["logs"].timeout or shared.timeout),
            },
            aliases={attribute: value for attribute, name in ALIASES.items() if (value := env.get(name, "").strip())},
            propagators=tuple(dict.fromkeys(name for name in names if name)) or DEFAULT,
            sampler=sampler_from(env),
            log_level=process.log_level,
            disabled=process.otel_sdk_disabled.lower() == "true",
        )
