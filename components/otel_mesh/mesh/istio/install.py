"""Installation of Istio from its own charts: definitions, istio-cni on every node and istiod; and the Gateway API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pulumi

from otel_mesh.core.errors import parse
from otel_mesh.core.labels import Role, recommended
from otel_mesh.k8s import cluster_objects
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.manifests import Manifest, resource
from otel_mesh.mesh.binding import CollectorIdentity, GatewayBinding, MeshBinding
from otel_mesh.mesh.installing.chart_check import chart_warnings
from otel_mesh.mesh.installing.chart_objects import chart_transform
from otel_mesh.mesh.installing.charts import helm_chart
from otel_mesh.mesh.installing.gateway_api import gateway_api_definitions
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.istio.charts import CHARTS, chart_values
from otel_mesh.mesh.istio.policy import mesh_telemetry, peer_authentication, untraced_exports
from otel_mesh.mesh.istio.settings import IstioSettings
from otel_mesh.mesh.tracing import Tracing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_ISTIOD_WRITES: Final = ("webhooks[*].clientConfig.caBundle", "webhooks[*].failurePolicy")
"""Fields of the webhooks that istiod writes once it runs."""


@dataclass(frozen=True, kw_only=True)
class IstioArgs:
    """Arguments of an `Istio`.

    Attributes:
        tracing: Destination and sampling of the proxies' spans.
        environment: Value of ``deployment.environment.name`` in the proxies' telemetry.
        charts_dir: Folder with the charts (``base``, ``cni``, ``istiod``), used in place of upstream's repository. Its
            subfolder ``gateway-api``, if it exists, holds the Gateway API's definitions.
        gateway: Gateway where requests from outside will enter, for `Istio.binding`; None without one.
        collector: Workload identity of the Collector, for `Istio.binding`; None if it is not checked.
        settings: Settings, or a mapping of their fields.
    """

    tracing: Tracing
    environment: str
    charts_dir: str | None = None
    gateway: GatewayBinding | None = None
    collector: CollectorIdentity | None = None
    settings: IstioSettings = field(default_factory=IstioSettings)


def istio_namespaces(settings: IstioSettings) -> list[Manifest]:
    """The restricted namespace of istiod, and the privileged one of istio-cni."""

    def labels(name: str) -> dict[str, str]:
        return recommended("istio", name, Role.NAMESPACE)

    plane, cni = settings.namespace, settings.cni.namespace
    return [
        cluster_objects.namespace(plane, labels(plane), {}),
        cluster_objects.namespace(cni, labels(cni), {}, security="privileged"),
    ]


def chart_source(chart: str, settings: IstioSettings, charts_dir: str | None) -> dict[str, str]:
    """Source of a chart: ``chart`` and, if it has to be fetched, ``version`` and the Helm ``repository``."""
    if charts_dir is not None:
        return {"chart": f"{charts_dir}/{chart}"}
    if settings.chart_repository.startswith("oci://"):
        return {"chart": f"{settings.chart_repository}/{chart}", "version": settings.version}
    return {"chart": chart, "version": settings.version, "repository": settings.chart_repository}


class Istio(Component):
    """An Istio control plane with istio-cni, strict mTLS and tracing; the `MeshInstaller` of Istio.

    The component is ready when istiod answers and istio-cni runs on every node. Components of the same program take its
    `binding` and depend on it; `otel_mesh.mesh.installer` has an example.

    Attributes:
        mesh: The binding as plain data, known once the mesh is ready: export it as a platform's output ``mesh``, which
            other stacks read with `otel_mesh.Platform.from_stack`.

    Raises:
        InvalidSettingsError: The settings are invalid.
    """

    TYPE: ClassVar[str] = "Istio"

    mesh: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, args: IstioArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(IstioSettings, args.settings)
        tracing = parse(Tracing, args.tracing, "tracing")
        binding = istio_binding(
            settings,
            gateway=None if args.gateway is None else parse(GatewayBinding, args.gateway, "gateway"),
            collector=None if args.collector is None else parse(CollectorIdentity, args.collector, "collector"),
        )
        super().__init__(name, opts)
        self._settings, self._args, self._binding = settings, args, binding
        plane, cni = (self._child(one, ()) for one in istio_namespaces(settings))
        values = chart_values(settings, tracing, args.environment)
        self._chart_warnings = chart_warnings(
            args.charts_dir, dict.fromkeys(CHARTS, settings.version), settings.gateway_api, values
        )
        base = self._chart("base", settings.namespace, values["base"], [plane])
        # before istiod: the first injected pods need the plugin
        node = self._chart("cni", settings.cni.namespace, values["cni"], [cni, base])
        # before istiod, which looks for the definitions when it starts
        options = pulumi.ResourceOptions(parent=self, depends_on=[base])
        gateway_api = gateway_api_definitions(
            name, settings.gateway_api, args.charts_dir, self._timeouts, options, crds=settings.crds
        )
        istiod = self._chart("istiod", settings.namespace, values["istiod"], [base, node, *gateway_api])
        policies = (
            peer_authentication(settings),
            mesh_telemetry(settings, tracing),
            untraced_exports(settings, tracing),
        )
        ready = [self._child(policy, [istiod]).urn for policy in policies]
        plain = binding.model_dump(mode="json")
        self.mesh = pulumi.Output.all(*ready).apply(lambda _: plain)
        self.register_outputs({"mesh": self.mesh})

    @property
    def component(self) -> pulumi.Resource:
        """Component that is ready once workloads can join the mesh."""
        return self

    @property
    def binding(self) -> MeshBinding:
        """Binding of the mesh, with the gateway and the Collector of the arguments; known at once."""
        return self._binding

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Namespaces of istiod and istio-cni."""
        return (self._settings.namespace, self._settings.cni.namespace)

    @property
    def chart_warnings(self) -> tuple[str, ...]:
        """Differences between the charts in ``charts_dir`` and the settings, one sentence each."""
        return self._chart_warnings

    def _child(self, manifest: Manifest, needs: Sequence[pulumi.Resource]) -> pulumi.CustomResource:
        options = pulumi.ResourceOptions(parent=self, depends_on=list(needs), custom_timeouts=self._timeouts)
        return resource(f"{self._name}-{manifest['metadata']['name']}", manifest, options)

    def _chart(
        self,
        chart: str,
        namespace: str,
        values: Mapping[str, Any],
        needs: Sequence[pulumi.Resource],
    ) -> pulumi.Resource:
        options = pulumi.ResourceOptions(
            parent=self,
            depends_on=list(needs),
            transforms=[chart_transform(self._settings.crds, self._timeouts, webhooks_written=_ISTIOD_WRITES)],
        )
        source = chart_source(chart, self._settings, self._args.charts_dir)
        return helm_chart(self._name, chart, namespace, values=values, source=source, options=options)
