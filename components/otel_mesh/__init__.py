"""Typed Pulumi components for an observable service mesh.

Every public name is imported when it is first used: ``import otel_mesh`` costs next to nothing, and a program that
needs one component doesn't pay for the others.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otel_mesh.catalog import Catalog, Edge, Service, Store
    from otel_mesh.collector_config import OtelCollectorSettings
    from otel_mesh.collector_parts import Batching
    from otel_mesh.contract import Signals, callee_environment, service_edges, signal_matrix, topology
    from otel_mesh.contract_check import (
        EdgeStanding,
        calls_query,
        edge_standing,
        log_query,
        metric_query,
        named_callee,
        silent_edges,
    )
    from otel_mesh.grafana import Grafana, GrafanaArgs, GrafanaSettings
    from otel_mesh.istio.gateway import IngressGateway, IngressGatewayArgs, IngressGatewaySettings
    from otel_mesh.istio.install import Istio, IstioArgs
    from otel_mesh.istio.routes import Route
    from otel_mesh.istio.settings import IstioSettings, Tracing
    from otel_mesh.istio.telemetry_access import TelemetryAccess, TelemetryAccessArgs
    from otel_mesh.istio.tokens import TokenSettings
    from otel_mesh.jaeger import Jaeger, JaegerArgs, JaegerSettings
    from otel_mesh.load_generator import LoadGenerator, LoadGeneratorArgs, LoadGeneratorSettings
    from otel_mesh.mesh import CollectorIdentity, GatewayBinding, MeshBinding, NoMesh
    from otel_mesh.microservice import Microservice, MicroserviceArgs, MicroserviceSettings, ServiceRuntime
    from otel_mesh.namespace import Namespace, NamespaceArgs, NamespaceSettings
    from otel_mesh.otel_collector import OtelCollector, OtelCollectorArgs
    from otel_mesh.platform_stack import Platform, attach
    from otel_mesh.postgres import DatabaseRoles, Postgres, PostgresArgs, PostgresSettings
    from otel_mesh.priority_class import Priority, PriorityClass, PriorityClassArgs, PriorityClassSettings
    from otel_mesh.problems import InvalidSettingsError, Problem
    from otel_mesh.prometheus import Prometheus, PrometheusArgs, PrometheusSettings
    from otel_mesh.prometheus_objectives import Objectives
    from otel_mesh.redis import Redis, RedisArgs, RedisSettings
    from otel_mesh.scheduling import Scheduling, Toleration
    from otel_mesh.service_graph import ServiceGraph
    from otel_mesh.sizing import Resources, Storage
    from otel_mesh.store_access import CacheAccess, DatabaseAccess, DatabaseLogin
    from otel_mesh.tail_sampler import TailSampler, TailSamplerArgs
    from otel_mesh.tail_sampling import TailSamplerSettings
    from otel_mesh.victoria_logs import VictoriaLogs, VictoriaLogsArgs, VictoriaLogsSettings

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
    "log_query",
    "metric_query",
    "named_callee",
    "service_edges",
    "signal_matrix",
    "silent_edges",
    "topology",
]

_HOME: Final = {
    "catalog": ("Catalog", "Edge", "Service", "Store"),
    "collector_config": ("OtelCollectorSettings",),
    "collector_parts": ("Batching",),
    "contract": ("Signals", "callee_environment", "service_edges", "signal_matrix", "topology"),
    "contract_check": (
        "EdgeStanding",
        "calls_query",
        "edge_standing",
        "log_query",
        "metric_query",
        "named_callee",
        "silent_edges",
    ),
    "grafana": ("Grafana", "GrafanaArgs", "GrafanaSettings"),
    "istio.gateway": ("IngressGateway", "IngressGatewayArgs", "IngressGatewaySettings"),
    "istio.install": ("Istio", "IstioArgs"),
    "istio.routes": ("Route",),
    "istio.settings": ("IstioSettings", "Tracing"),
    "istio.telemetry_access": ("TelemetryAccess", "TelemetryAccessArgs"),
    "istio.tokens": ("TokenSettings",),
    "jaeger": ("Jaeger", "JaegerArgs", "JaegerSettings"),
    "load_generator": ("LoadGenerator", "LoadGeneratorArgs", "LoadGeneratorSettings"),
    "mesh": ("CollectorIdentity", "GatewayBinding", "MeshBinding", "NoMesh"),
    "microservice": ("Microservice", "MicroserviceArgs", "MicroserviceSettings", "ServiceRuntime"),
    "namespace": ("Namespace", "NamespaceArgs", "NamespaceSettings"),
    "otel_collector": ("OtelCollector", "OtelCollectorArgs"),
    "platform_stack": ("Platform", "attach"),
    "postgres": ("DatabaseRoles", "Postgres", "PostgresArgs", "PostgresSettings"),
    "priority_class": ("Priority", "PriorityClass", "PriorityClassArgs", "PriorityClassSettings"),
    "problems": ("InvalidSettingsError", "Problem"),
    "prometheus": ("Prometheus", "PrometheusArgs", "PrometheusSettings"),
    "prometheus_objectives": ("Objectives",),
    "redis": ("Redis", "RedisArgs", "RedisSettings"),
    "scheduling": ("Scheduling", "Toleration"),
    "service_graph": ("ServiceGraph",),
    "sizing": ("Resources", "Storage"),
    "store_access": ("CacheAccess", "DatabaseAccess", "DatabaseLogin"),
    "tail_sampler": ("TailSampler", "TailSamplerArgs"),
    "tail_sampling": ("TailSamplerSettings",),
    "victoria_logs": ("VictoriaLogs", "VictoriaLogsArgs", "VictoriaLogsSettings"),
}
_MODULE_OF: Final = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the public names
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'otel_mesh' has no attribute {name!r}")
    return getattr(importlib.import_module(f"otel_mesh.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
