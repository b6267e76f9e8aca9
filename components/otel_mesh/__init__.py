"""Typed Pulumi components for an observable service mesh.

Every public name is imported when it is first used: ``import otel_mesh`` costs next to nothing, and a program that
needs one component doesn't pay for the others.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otel_mesh.backends.grafana.component import Grafana, GrafanaArgs, GrafanaSettings
    from otel_mesh.backends.jaeger import Jaeger, JaegerArgs, JaegerSettings
    from otel_mesh.backends.prometheus.component import Prometheus, PrometheusArgs, PrometheusSettings
    from otel_mesh.backends.prometheus.objectives import Objectives
    from otel_mesh.backends.victoria_logs import VictoriaLogs, VictoriaLogsArgs, VictoriaLogsSettings
    from otel_mesh.catalog.contract import (
        EdgeStanding,
        calls_query,
        edge_standing,
        log_query,
        metric_query,
        named_callee,
        silent_edges,
    )
    from otel_mesh.catalog.derivations import Signals, callee_environment, service_edges, signal_matrix, topology
    from otel_mesh.catalog.model import Catalog, Edge, Service, Store
    from otel_mesh.collector.component import OtelCollector, OtelCollectorArgs
    from otel_mesh.collector.config import OtelCollectorSettings
    from otel_mesh.collector.parts import Batching
    from otel_mesh.collector.service_graph import ServiceGraph
    from otel_mesh.collector.tail_sampler import TailSampler, TailSamplerArgs
    from otel_mesh.collector.tail_sampling import TailSamplerSettings
    from otel_mesh.core.errors import InvalidSettingsError, Problem
    from otel_mesh.k8s.namespace import Namespace, NamespaceArgs, NamespaceSettings
    from otel_mesh.k8s.priority_class import Priority, PriorityClass, PriorityClassArgs, PriorityClassSettings
    from otel_mesh.k8s.resources import Resources, Storage
    from otel_mesh.k8s.scheduling import Scheduling, Toleration
    from otel_mesh.mesh.attach import Platform, attach
    from otel_mesh.mesh.binding import CollectorIdentity, GatewayBinding, MeshBinding, NoMesh
    from otel_mesh.mesh.istio.binding import istio_binding
    from otel_mesh.mesh.istio.gateway import IngressGateway, IngressGatewayArgs, IngressGatewaySettings
    from otel_mesh.mesh.istio.install import Istio, IstioArgs
    from otel_mesh.mesh.istio.routes import Route
    from otel_mesh.mesh.istio.settings import IstioSettings, Tracing
    from otel_mesh.mesh.istio.telemetry_access import TelemetryAccess, TelemetryAccessArgs
    from otel_mesh.mesh.istio.tokens import TokenSettings
    from otel_mesh.services.load_generator import LoadGenerator, LoadGeneratorArgs, LoadGeneratorSettings
    from otel_mesh.services.microservice import Microservice, MicroserviceArgs, MicroserviceSettings, ServiceRuntime
    from otel_mesh.services.postgres import DatabaseRoles, Postgres, PostgresArgs, PostgresSettings
    from otel_mesh.services.redis import Redis, RedisArgs, RedisSettings
    from otel_mesh.services.store_access import CacheAccess, DatabaseAccess, DatabaseLogin

__all__ = [
    "Batching",
    "CacheAccess",
    "Catalog",
    "CollectorIdentity",
    "DatabaseAccess",
    "DatabaseLogin",
    "DatabaseRoles",
    "Edge",
    "EdgeStanding",
    "GatewayBinding",
    "Grafana",
    "GrafanaArgs",
    "GrafanaSettings",
    "IngressGateway",
    "IngressGatewayArgs",
    "IngressGatewaySettings",
    "InvalidSettingsError",
    "Istio",
    "IstioArgs",
    "IstioSettings",
    "Jaeger",
    "JaegerArgs",
    "JaegerSettings",
    "LoadGenerator",
    "LoadGeneratorArgs",
    "LoadGeneratorSettings",
    "MeshBinding",
    "Microservice",
    "MicroserviceArgs",
    "MicroserviceSettings",
    "Namespace",
    "NamespaceArgs",
    "NamespaceSettings",
    "NoMesh",
    "Objectives",
    "OtelCollector",
    "OtelCollectorArgs",
    "OtelCollectorSettings",
    "Platform",
    "Postgres",
    "PostgresArgs",
    "PostgresSettings",
    "Priority",
    "PriorityClass",
    "PriorityClassArgs",
    "PriorityClassSettings",
    "Problem",
    "Prometheus",
    "PrometheusArgs",
    "PrometheusSettings",
    "Redis",
    "RedisArgs",
    "RedisSettings",
    "Resources",
    "Route",
    "Scheduling",
    "Service",
    "ServiceGraph",
    "ServiceRuntime",
    "Signals",
    "Storage",
    "Store",
    "TailSampler",
    "TailSamplerArgs",
    "TailSamplerSettings",
    "TelemetryAccess",
    "TelemetryAccessArgs",
    "TokenSettings",
    "Toleration",
    "Tracing",
    "VictoriaLogs",
    "VictoriaLogsArgs",
    "VictoriaLogsSettings",
    "attach",
    "callee_environment",
    "calls_query",
    "edge_standing",
    "istio_binding",
    "log_query",
    "metric_query",
    "named_callee",
    "service_edges",
    "signal_matrix",
    "silent_edges",
    "topology",
]

_HOME: Final = {
    "catalog.model": ("Catalog", "Edge", "Service", "Store"),
    "collector.config": ("OtelCollectorSettings",),
    "collector.parts": ("Batching",),
    "catalog.derivations": ("Signals", "callee_environment", "service_edges", "signal_matrix", "topology"),
    "catalog.contract": (
        "EdgeStanding",
        "calls_query",
        "edge_standing",
        "log_query",
        "metric_query",
        "named_callee",
        "silent_edges",
    ),
    "backends.grafana.component": ("Grafana", "GrafanaArgs", "GrafanaSettings"),
    "mesh.istio.binding": ("istio_binding",),
    "mesh.istio.gateway": ("IngressGateway", "IngressGatewayArgs", "IngressGatewaySettings"),
    "mesh.istio.install": ("Istio", "IstioArgs"),
    "mesh.istio.routes": ("Route",),
    "mesh.istio.settings": ("IstioSettings", "Tracing"),
    "mesh.istio.telemetry_access": ("TelemetryAccess", "TelemetryAccessArgs"),
    "mesh.istio.tokens": ("TokenSettings",),
    "backends.jaeger": ("Jaeger", "JaegerArgs", "JaegerSettings"),
    "services.load_generator": ("LoadGenerator", "LoadGeneratorArgs", "LoadGeneratorSettings"),
    "mesh.binding": ("CollectorIdentity", "GatewayBinding", "MeshBinding", "NoMesh"),
    "services.microservice": ("Microservice", "MicroserviceArgs", "MicroserviceSettings", "ServiceRuntime"),
    "k8s.namespace": ("Namespace", "NamespaceArgs", "NamespaceSettings"),
    "collector.component": ("OtelCollector", "OtelCollectorArgs"),
    "mesh.attach": ("Platform", "attach"),
    "services.postgres": ("DatabaseRoles", "Postgres", "PostgresArgs", "PostgresSettings"),
    "k8s.priority_class": ("Priority", "PriorityClass", "PriorityClassArgs", "PriorityClassSettings"),
    "core.errors": ("InvalidSettingsError", "Problem"),
    "backends.prometheus.component": ("Prometheus", "PrometheusArgs", "PrometheusSettings"),
    "backends.prometheus.objectives": ("Objectives",),
    "services.redis": ("Redis", "RedisArgs", "RedisSettings"),
    "k8s.scheduling": ("Scheduling", "Toleration"),
    "collector.service_graph": ("ServiceGraph",),
    "k8s.resources": ("Resources", "Storage"),
    "services.store_access": ("CacheAccess", "DatabaseAccess", "DatabaseLogin"),
    "collector.tail_sampler": ("TailSampler", "TailSamplerArgs"),
    "collector.tail_sampling": ("TailSamplerSettings",),
    "backends.victoria_logs": ("VictoriaLogs", "VictoriaLogsArgs", "VictoriaLogsSettings"),
}
_MODULE_OF: Final = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the public names
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'otel_mesh' has no attribute {name!r}")
    return getattr(importlib.import_module(f"otel_mesh.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
