"""The public names of the library, one line per module: `__init__.py` imports each of them when it is first used."""

from .backends.alertmanager import (
    Alertmanager as Alertmanager,
    AlertmanagerArgs as AlertmanagerArgs,
    AlertmanagerSettings as AlertmanagerSettings,
)
from .backends.alertmanager_receivers import (
    Email as Email,
    PagerDuty as PagerDuty,
    Receiver as Receiver,
    Slack as Slack,
    Webhook as Webhook,
)
from .backends.grafana.component import (
    Grafana as Grafana,
    GrafanaArgs as GrafanaArgs,
    GrafanaSettings as GrafanaSettings,
)
from .backends.jaeger import Jaeger as Jaeger, JaegerArgs as JaegerArgs, JaegerSettings as JaegerSettings
from .backends.jaeger_store import CassandraStore as CassandraStore, SearchStore as SearchStore
from .backends.prometheus.alerting import AlertmanagerAddress as AlertmanagerAddress
from .backends.prometheus.component import (
    Prometheus as Prometheus,
    PrometheusArgs as PrometheusArgs,
    PrometheusSettings as PrometheusSettings,
)
from .backends.prometheus.objectives import Objectives as Objectives
from .backends.prometheus.operator import (
    PrometheusMonitorsSettings as PrometheusMonitorsSettings,
    PrometheusMonitors as PrometheusMonitors,
    PrometheusMonitorsArgs as PrometheusMonitorsArgs,
)
from .backends.prometheus.remote_write import RemoteWrite as RemoteWrite
from .backends.prometheus.rules import alert_names as alert_names, rule_files as rule_files
from .backends.victoria_logs import (
    VictoriaLogs as VictoriaLogs,
    VictoriaLogsArgs as VictoriaLogsArgs,
    VictoriaLogsSettings as VictoriaLogsSettings,
)
from .catalog.contract import (
    EdgeStanding as EdgeStanding,
    calls_query as calls_query,
    edge_standing as edge_standing,
    log_query as log_query,
    metric_query as metric_query,
    named_callee as named_callee,
    silent_edges as silent_edges,
)
from .catalog.derivations import (
    Signals as Signals,
    callee_environment as callee_environment,
    service_edges as service_edges,
    signal_matrix as signal_matrix,
    topology as topology,
    with_outside_stores as with_outside_stores,
)
from .catalog.external import ExternalCall as ExternalCall
from .catalog.routes import Call as Call, Operation as Operation, operation_problems as operation_problems
from .catalog.model import Catalog as Catalog, Edge as Edge, Service as Service, Store as Store
from .check.families import check_objects as check_objects
from .check.findings import Finding as Finding, Severity as Severity
from .catalog.versions import (
    Version as Version,
    VersionName as VersionName,
    all_versions as all_versions,
    deployment_name as deployment_name,
    one_version as one_version,
)
from .collector.component import OtelCollector as OtelCollector, OtelCollectorArgs as OtelCollectorArgs
from .collector.config import OtelCollectorSettings as OtelCollectorSettings
from .collector.exports import (
    Export as Export,
    OtlpEndpoint as OtlpEndpoint,
    OutsideBackend as OutsideBackend,
    Signal as Signal,
)
from .collector.queueing import Batching as Batching
from .collector.service_graph import ServiceGraph as ServiceGraph
from .collector.tail_sampler import TailSampler as TailSampler, TailSamplerArgs as TailSamplerArgs
from .collector.tail_sampling import TailSamplerSettings as TailSamplerSettings
from .core.endpoints import (
    Certificates as Certificates,
    ClientTls as ClientTls,
    OwnOr as OwnOr,
    SecretKey as SecretKey,
    is_in_cluster as is_in_cluster,
)
from .core.errors import (
    InvalidSettingsError as InvalidSettingsError,
    Problem as Problem,
    collecting as collecting,
    join_path as join_path,
    nearest as nearest,
    parse as parse,
)
from .core.labels import Annotation as Annotation, Label as Label, Role as Role
from .core.network import (
    OTLP_GRPC_PORT as OTLP_GRPC_PORT,
    OTLP_HTTP_PORT as OTLP_HTTP_PORT,
    service_host as service_host,
)
from .core.values import (
    DnsLabel as DnsLabel,
    Environment as Environment,
    HostName as HostName,
    HttpUrl as HttpUrl,
    ImageReference as ImageReference,
    ImageTag as ImageTag,
    LabelValue as LabelValue,
    LogLevel as LogLevel,
    ObjectName as ObjectName,
    Percentage as Percentage,
    Port as Port,
    Ratio as Ratio,
    RegistryPath as RegistryPath,
    Settings as Settings,
    Uid as Uid,
)
from .k8s.autoscaling import Autoscaling as Autoscaling, MetricTarget as MetricTarget
from .k8s.component import Component as Component
from .k8s.containers import (
    POD_FIELDS as POD_FIELDS,
    Container as Container,
    ContainerPort as ContainerPort,
    Probes as Probes,
    Volume as Volume,
    temporary_files as temporary_files,
)
from .k8s.environment import Variable as Variable, Variables as Variables
from .k8s.health import HealthCheck as HealthCheck, HealthChecks as HealthChecks
from .k8s.manifests import Manifest as Manifest
from .k8s.namespace import (
    Namespace as Namespace,
    NamespaceArgs as NamespaceArgs,
    NamespaceSettings as NamespaceSettings,
)
from .k8s.network_policy import (
    Addresses as Addresses,
    Cidr as Cidr,
    Connection as Connection,
    NetworkAccess as NetworkAccess,
    NetworkAccessArgs as NetworkAccessArgs,
    Pods as Pods,
    TransportPort as TransportPort,
    network_policies as network_policies,
    tcp as tcp,
    service_pods as service_pods,
    workload_pods as workload_pods,
)
from .k8s.pod_types import (
    Check as Check,
    ClaimSpec as ClaimSpec,
    Hook as Hook,
    Lifecycle as Lifecycle,
    VolumeSource as VolumeSource,
)
from .k8s.priority_class import (
    Priority as Priority,
    PriorityClass as PriorityClass,
    PriorityClassArgs as PriorityClassArgs,
    PriorityClassSettings as PriorityClassSettings,
)
from .k8s.render import render as render
from .k8s.resources import Resources as Resources, Storage as Storage
from .k8s.scheduling import Scheduling as Scheduling, Toleration as Toleration
from .k8s.shared_files import (
    ContributedFiles as ContributedFiles,
    ContributedFilesArgs as ContributedFilesArgs,
    SharedFiles as SharedFiles,
    SharedFilesArgs as SharedFilesArgs,
)
from .k8s.transforms import changing as changing
from .k8s.volumes import Mount as Mount, Projection as Projection, VolumeSettings as VolumeSettings
from .k8s.workload import (
    CronJobShape as CronJobShape,
    DeploymentShape as DeploymentShape,
    JobShape as JobShape,
    StatefulSetShape as StatefulSetShape,
    Workload as Workload,
)
from .mesh.binding import (
    CollectorIdentity as CollectorIdentity,
    GatewayBinding as GatewayBinding,
    MeshBinding as MeshBinding,
    MeshControlPlane as MeshControlPlane,
    NoMesh as NoMesh,
    ProxyScraping as ProxyScraping,
    ProxySpans as ProxySpans,
    RouteParent as RouteParent,
)
from .mesh.installer import MeshInstaller as MeshInstaller
from .mesh.control.access_control import AccessControl as AccessControl, AccessControlArgs as AccessControlArgs
from .mesh.control.egress_control import (
    EgressControl as EgressControl,
    EgressControlArgs as EgressControlArgs,
    TelemetryEgress as TelemetryEgress,
    TelemetryEgressArgs as TelemetryEgressArgs,
)
from .mesh.istio.exposed_backends import (
    BackendRoute as BackendRoute,
    ExposedBackends as ExposedBackends,
    ExposedBackendsArgs as ExposedBackendsArgs,
    host_problems as host_problems,
)
from .mesh.istio.gateway import (
    IngressGateway as IngressGateway,
    IngressGatewayArgs as IngressGatewayArgs,
)
from .mesh.gateway_api.component import (
    GatewayApiGateway as GatewayApiGateway,
    GatewayApiGatewayArgs as GatewayApiGatewayArgs,
    ServiceRoute as ServiceRoute,
    ingress_problems as ingress_problems,
)
from .mesh.gateway_api.settings import (
    XDS_PORT as XDS_PORT,
    DataPlane as DataPlane,
    GatewayController as GatewayController,
)
from .mesh.policies.ingress import IngressGatewaySettings as IngressGatewaySettings, Route as Route
from .mesh.policies.tokens import TokenSettings as TokenSettings
from .mesh.control.gateway_route import GatewayRoute as GatewayRoute, GatewayRouteArgs as GatewayRouteArgs
from .mesh.istio.install import Istio as Istio, IstioArgs as IstioArgs
from .mesh.istio.settings import IstioSettings as IstioSettings
from .mesh.control.telemetry_access import (
    TelemetryAccess as TelemetryAccess,
    TelemetryAccessArgs as TelemetryAccessArgs,
    TelemetrySenders as TelemetrySenders,
    TelemetrySendersArgs as TelemetrySendersArgs,
)
from .mesh.linkerd.binding import TRUST_MARKER as TRUST_MARKER, linkerd_proxy_spans as linkerd_proxy_spans
from .mesh.linkerd.certificates import identity_problems as identity_problems
from .mesh.linkerd.error_backend import ERROR_PORT as ERROR_PORT
from .mesh.linkerd.install import Linkerd as Linkerd, LinkerdArgs as LinkerdArgs
from .mesh.linkerd.rotation import DeployedTrust as DeployedTrust, rotation_problems as rotation_problems
from .mesh.linkerd.settings import LinkerdSettings as LinkerdSettings
from .mesh.linkerd.stored_identity import GivenIdentity as GivenIdentity
from .mesh.policies.access import (
    Access as Access,
    AllowedCaller as AllowedCaller,
    Caller as Caller,
    Grant as Grant,
    declared_access as declared_access,
)
from .mesh.control.service_traffic import (
    ServiceTraffic as ServiceTraffic,
    ServiceTrafficArgs as ServiceTrafficArgs,
    traffic_problems as traffic_problems,
)
from .mesh.policies.canary import ABTest as ABTest, Canary as Canary, Group as Group
from .mesh.policies.fault import Abort as Abort, Delay as Delay, FaultInjection as FaultInjection
from .mesh.policies.gate import Gate as Gate
from .mesh.policies.matching import HeaderMatch as HeaderMatch
from .mesh.policies.resilience import (
    Connections as Connections,
    OutlierDetection as OutlierDetection,
    RateLimit as RateLimit,
    Resilience as Resilience,
    RetryPolicy as RetryPolicy,
)
from .mesh.policies.traffic import Target as Target, TrafficPolicy as TrafficPolicy
from .mesh.policies.team_routes import TeamRoute as TeamRoute, require_distinct_routes as require_distinct_routes
from .mesh.policies.egress import (
    Egress as Egress,
    EgressHost as EgressHost,
    MeshHost as MeshHost,
    declared_egress as declared_egress,
)
from .mesh.policies.network import (
    declared_connections as declared_connections,
    dns_connections as dns_connections,
    gateway_pods as gateway_pods,
    mesh_connections as mesh_connections,
)
from .mesh.tracing import MeshTracing as MeshTracing, Tracing as Tracing
from .services.microservice import Microservice as Microservice
from .services.microservice_settings import (
    MicroserviceArgs as MicroserviceArgs,
    MicroserviceSettings as MicroserviceSettings,
    ServiceRuntime as ServiceRuntime,
    own_variables as own_variables,
    pod_counts as pod_counts,
    taken_variables as taken_variables,
)
from .services.ordinary_workload import (
    Account as Account,
    FurtherContainer as FurtherContainer,
    OrdinaryWorkload as OrdinaryWorkload,
    PortSettings as PortSettings,
    Run as Run,
)
from .services.postgres import (
    DatabaseRoles as DatabaseRoles,
    Postgres as Postgres,
    PostgresArgs as PostgresArgs,
    PostgresSettings as PostgresSettings,
    SqlName as SqlName,
)
from .services.backup_store import BackupStore as BackupStore
from .services.outside_stores import (
    OutsidePostgres as OutsidePostgres,
    OutsideRedis as OutsideRedis,
    OutsideStore as OutsideStore,
)
from .services.postgres_backup import (
    PostgresBackup as PostgresBackup,
    PostgresBackupArgs as PostgresBackupArgs,
    PostgresBackupSettings as PostgresBackupSettings,
)
from .services.redis import Redis as Redis, RedisArgs as RedisArgs, RedisSettings as RedisSettings, UserName as UserName
from .services.store_access import (
    CacheAccess as CacheAccess,
    DatabaseAccess as DatabaseAccess,
    DatabaseLogin as DatabaseLogin,
    StoreTls as StoreTls,
)
from .services.telemetry_environment import TelemetryEnvironment as TelemetryEnvironment
from .teams.binding import TeamGrants as TeamGrants
from .teams.platform import Platform as Platform
from .teams.team import Team as Team
from .services.workload_checks import workload_problems as workload_problems
from .testing.declared import Declared as Declared
from .testing.program import run_program as run_program

__all__: list[str]
