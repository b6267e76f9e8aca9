"""Typed Pulumi components for an observable service mesh.

Every public name is imported when it is first used: ``import otel_mesh`` costs almost nothing, and a program that
needs one component does not load the others.
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
    from otel_mesh.core.errors import InvalidSettingsError, Problem, collecting, join_path, nearest, parse
    from otel_mesh.core.labels import Annotation, Label, Role
    from otel_mesh.core.network import OTLP_GRPC_PORT, OTLP_HTTP_PORT, service_host
    from otel_mesh.core.values import (
        DnsLabel,
        Environment,
        ImageReference,
        LabelValue,
        LogLevel,
        ObjectName,
        Percentage,
        Port,
        Ratio,
        Settings,
        Uid,
    )
    from otel_mesh.k8s.component import Component
    from otel_mesh.k8s.containers import POD_FIELDS, Container, ContainerPort, Probes, Volume, temporary_files
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.k8s.namespace import Namespace, NamespaceArgs, NamespaceSettings
    from otel_mesh.k8s.priority_class import Priority, PriorityClass, PriorityClassArgs, PriorityClassSettings
    from otel_mesh.k8s.render import render
    from otel_mesh.k8s.resources import Resources, Storage
    from otel_mesh.k8s.scheduling import Scheduling, Toleration
    from otel_mesh.k8s.workload import DeploymentShape, JobShape, StatefulSetShape, Workload
    from otel_mesh.mesh.attach import Platform, attach
    from otel_mesh.mesh.binding import CollectorIdentity, GatewayBinding, MeshBinding, NoMesh, ProxyScraping
    from otel_mesh.mesh.installer import MeshInstaller
    from otel_mesh.mesh.istio.access import AccessControl, AccessControlArgs
    from otel_mesh.mesh.istio.gateway import IngressGateway, IngressGatewayArgs, IngressGatewaySettings
    from otel_mesh.mesh.istio.install import Istio, IstioArgs
    from otel_mesh.mesh.istio.routes import Route
    from otel_mesh.mesh.istio.settings import IstioSettings
    from otel_mesh.mesh.istio.telemetry_access import (
        TelemetryAccess,
        TelemetryAccessArgs,
        TelemetrySenders,
        TelemetrySendersArgs,
    )
    from otel_mesh.mesh.istio.tokens import TokenSettings
    from otel_mesh.mesh.policies.access import Access, Caller, Grant, Operation, declared_access
    from otel_mesh.mesh.tracing import MeshTracing, Tracing
    from otel_mesh.services.microservice import Microservice, MicroserviceArgs, MicroserviceSettings, ServiceRuntime
    from otel_mesh.services.postgres import DatabaseRoles, Postgres, PostgresArgs, PostgresSettings, SqlName
    from otel_mesh.services.redis import Redis, RedisArgs, RedisSettings, UserName
    from otel_mesh.services.store_access import CacheAccess, DatabaseAccess, DatabaseLogin
    from otel_mesh.services.telemetry_environment import TelemetryEnvironment

__all__ = [
    "OTLP_GRPC_PORT",
    "OTLP_HTTP_PORT",
    "POD_FIELDS",
    "Access",
    "AccessControl",
    "AccessControlArgs",
    "Annotation",
    "Batching",
    "CacheAccess",
    "Caller",
    "Catalog",
    "CollectorIdentity",
    "Component",
    "Container",
    "ContainerPort",
    "DatabaseAccess",
    "DatabaseLogin",
    "DatabaseRoles",
    "DeploymentShape",
    "DnsLabel",
    "Edge",
    "EdgeStanding",
    "Environment",
    "GatewayBinding",
    "Grafana",
    "GrafanaArgs",
    "GrafanaSettings",
    "Grant",
    "ImageReference",
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
    "JobShape",
    "Label",
    "LabelValue",
    "LogLevel",
    "Manifest",
    "MeshBinding",
    "MeshInstaller",
    "MeshTracing",
    "Microservice",
    "MicroserviceArgs",
    "MicroserviceSettings",
    "Namespace",
    "NamespaceArgs",
    "NamespaceSettings",
    "NoMesh",
    "ObjectName",
    "Objectives",
    "Operation",
    "OtelCollector",
    "OtelCollectorArgs",
    "OtelCollectorSettings",
    "Percentage",
    "Platform",
    "Port",
    "Postgres",
    "PostgresArgs",
    "PostgresSettings",
    "Priority",
    "PriorityClass",
    "PriorityClassArgs",
    "PriorityClassSettings",
    "Probes",
    "Problem",
    "Prometheus",
    "PrometheusArgs",
    "PrometheusSettings",
    "ProxyScraping",
    "Ratio",
    "Redis",
    "RedisArgs",
    "RedisSettings",
    "Resources",
    "Role",
    "Route",
    "Scheduling",
    "Service",
    "ServiceGraph",
    "ServiceRuntime",
    "Settings",
    "Signals",
    "SqlName",
    "StatefulSetShape",
    "Storage",
    "Store",
    "TailSampler",
    "TailSamplerArgs",
    "TailSamplerSettings",
    "TelemetryAccess",
    "TelemetryAccessArgs",
    "TelemetryEnvironment",
    "TelemetrySenders",
    "TelemetrySendersArgs",
    "TokenSettings",
    "Toleration",
    "Tracing",
    "Uid",
    "UserName",
    "VictoriaLogs",
    "VictoriaLogsArgs",
    "VictoriaLogsSettings",
    "Volume",
    "Workload",
    "attach",
    "callee_environment",
    "calls_query",
    "collecting",
    "declared_access",
    "edge_standing",
    "join_path",
    "log_query",
    "metric_query",
    "named_callee",
    "nearest",
    "parse",
    "render",
    "service_edges",
    "service_host",
    "signal_matrix",
    "silent_edges",
    "temporary_files",
    "topology",
]

_HOME: Final = {
    "backends.grafana.component": ("Grafana", "GrafanaArgs", "GrafanaSettings"),
    "backends.jaeger": ("Jaeger", "JaegerArgs", "JaegerSettings"),
    "backends.prometheus.component": ("Prometheus", "PrometheusArgs", "PrometheusSettings"),
    "backends.prometheus.objectives": ("Objectives",),
    "backends.victoria_logs": ("VictoriaLogs", "VictoriaLogsArgs", "VictoriaLogsSettings"),
    "catalog.contract": (
        "EdgeStanding",
        "calls_query",
        "edge_standing",
        "log_query",
        "metric_query",
        "named_callee",
        "silent_edges",
    ),
    "catalog.derivations": ("Signals", "callee_environment", "service_edges", "signal_matrix", "topology"),
    "catalog.model": ("Catalog", "Edge", "Service", "Store"),
    "collector.component": ("OtelCollector", "OtelCollectorArgs"),
    "collector.config": ("OtelCollectorSettings",),
    "collector.parts": ("Batching",),
    "collector.service_graph": ("ServiceGraph",),
    "collector.tail_sampler": ("TailSampler", "TailSamplerArgs"),
    "collector.tail_sampling": ("TailSamplerSettings",),
    "k8s.component": ("Component",),
    "core.errors": ("InvalidSettingsError", "Problem", "collecting", "join_path", "nearest", "parse"),
    "core.labels": ("Annotation", "Label", "Role"),
    "core.network": ("OTLP_GRPC_PORT", "OTLP_HTTP_PORT", "service_host"),
    "core.values": (
        "DnsLabel",
        "Environment",
        "ImageReference",
        "LabelValue",
        "LogLevel",
        "ObjectName",
        "Percentage",
        "Port",
        "Ratio",
        "Settings",
        "Uid",
    ),
    "k8s.containers": ("Container", "ContainerPort", "POD_FIELDS", "Probes", "Volume", "temporary_files"),
    "k8s.manifests": ("Manifest",),
    "k8s.namespace": ("Namespace", "NamespaceArgs", "NamespaceSettings"),
    "k8s.priority_class": ("Priority", "PriorityClass", "PriorityClassArgs", "PriorityClassSettings"),
    "k8s.render": ("render",),
    "k8s.resources": ("Resources", "Storage"),
    "k8s.scheduling": ("Scheduling", "Toleration"),
    "k8s.workload": ("DeploymentShape", "JobShape", "StatefulSetShape", "Workload"),
    "mesh.attach": ("Platform", "attach"),
    "mesh.binding": ("CollectorIdentity", "GatewayBinding", "MeshBinding", "NoMesh", "ProxyScraping"),
    "mesh.installer": ("MeshInstaller",),
    "mesh.istio.access": ("AccessControl", "AccessControlArgs"),
    "mesh.istio.gateway": ("IngressGateway", "IngressGatewayArgs", "IngressGatewaySettings"),
    "mesh.istio.install": ("Istio", "IstioArgs"),
    "mesh.istio.routes": ("Route",),
    "mesh.istio.settings": ("IstioSettings",),
    "mesh.istio.telemetry_access": (
        "TelemetryAccess",
        "TelemetryAccessArgs",
        "TelemetrySenders",
        "TelemetrySendersArgs",
    ),
    "mesh.istio.tokens": ("TokenSettings",),
    "mesh.policies.access": ("Access", "Caller", "Grant", "Operation", "declared_access"),
    "mesh.tracing": ("MeshTracing", "Tracing"),
    "services.microservice": ("Microservice", "MicroserviceArgs", "MicroserviceSettings", "ServiceRuntime"),
    "services.postgres": ("DatabaseRoles", "Postgres", "PostgresArgs", "PostgresSettings", "SqlName"),
    "services.redis": ("Redis", "RedisArgs", "RedisSettings", "UserName"),
    "services.telemetry_environment": ("TelemetryEnvironment",),
    "services.store_access": ("CacheAccess", "DatabaseAccess", "DatabaseLogin"),
}
_MODULE_OF: Final = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the public names
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'otel_mesh' has no attribute {name!r}")
    return getattr(importlib.import_module(f"otel_mesh.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
