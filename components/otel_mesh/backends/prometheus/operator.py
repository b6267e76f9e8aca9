"""A Prometheus Operator of the cluster in place of a `Prometheus`: its objects, declared by the stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

import pulumi  # noqa: TC002 - a component plugin reads the annotations of the arguments
from pydantic import Field

from otel_mesh.backends.prometheus.monitors import prometheus_rule, proxy_monitor, service_monitor
from otel_mesh.backends.prometheus.objectives import Objectives, objective_rules
from otel_mesh.backends.prometheus.rules import with_own
from otel_mesh.core.errors import parse
from otel_mesh.core.values import Duration, LabelKey, LabelValue, Settings
from otel_mesh.k8s.component import Component
from otel_mesh.mesh.binding import MeshBinding, NoMesh

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest


class PrometheusMonitorsSettings(Settings):
    """Settings of a `PrometheusMonitors`.

    Attributes:
        labels: Labels of the objects, as the selectors of the operator's Prometheus require: ``release: monitoring``.
        scrape_interval: Interval of scrapes.
        proxy_sample_limit: Number of series that one proxy of the mesh may have. Above it the proxy is not scraped at
            all, and an alert fires.
        objectives: Service level objectives of the exposed services; alerts watch their error budgets.
    """

    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    scrape_interval: Duration = "15s"
    proxy_sample_limit: Annotated[int, Field(ge=100, le=1_000_000)] = 5000
    objectives: Objectives = Objectives()


@dataclass(frozen=True, kw_only=True)
class PrometheusMonitorsArgs:
    """Arguments of a `PrometheusMonitors`.

    Attributes:
        namespace: Namespace of the Kubernetes objects, one that the operator's Prometheus selects.
        targets: Scrape targets, job to ``host:port`` of a Service.
        exposed: Values of ``job`` of the exposed services, which the objectives apply to: ``shop/api-gateway``.
        rules: Further rule files, name to text; a name ends in ``.rules.yaml``.
        settings: Settings, or a mapping of their fields.
        mesh: Mesh whose proxies are scraped.
        prefix: Beginning of the objects' names; None for the names of the targets and rule files alone. Several
            components of one namespace need one each.
    """

    namespace: pulumi.Input[str]
    targets: dict[str, str] = field(default_factory=dict)
    exposed: tuple[str, ...] = ()
    rules: dict[str, str] = field(default_factory=dict)
    settings: PrometheusMonitorsSettings = field(default_factory=PrometheusMonitorsSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)
    prefix: str | None = None


def monitor_manifests(args: PrometheusMonitorsArgs, settings: PrometheusMonitorsSettings) -> list[Manifest]:
    """The ServiceMonitors, the PodMonitor and the PrometheusRules.

    Raises:
        InvalidSettingsError: The name of a rule file does not end in ``.rules.yaml``, or is used twice.
    """
    namespace, labels, interval = args.namespace, settings.labels, settings.scrape_interval
    found = [service_monitor(job, target, namespace, labels, interval) for job, target in sorted(args.targets.items())]
    proxies = args.mesh.proxy_scraping
    if proxies is not None:
        found.append(proxy_monitor(proxies, namespace, labels, interval, settings.proxy_sample_limit))
    files = {**with_own(args.rules), **objective_rules(settings.objectives, args.exposed)}
    found += [prometheus_rule(name, text, namespace, labels) for name, text in files.items()]
    if args.prefix is not None:
        for one in found:
            one["metadata"]["name"] = f"{args.prefix}-{one['metadata']['name']}"
    return found


class PrometheusMonitors(Component):
    """Scrape targets and alert rules for a Prometheus that an operator of the cluster runs.

    The operator's CustomResourceDefinitions (``monitoring.coreos.com/v1``) have to exist. Pushed metrics go to its
    Prometheus by OTLP, which its ``enableOTLPReceiver`` turns on.

    Raises:
        InvalidSettingsError: The settings are invalid, or the name of a rule file is.
    """

    TYPE: ClassVar[str] = "PrometheusMonitors"

    def __init__(self, name: str, args: PrometheusMonitorsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(PrometheusMonitorsSettings, args.settings)
        super().__init__(name, opts)
        self.children(monitor_manifests(args, settings))
        self.register_outputs({})
