"""Installs Istio by its own charts: definitions, istio-cni on every node, istiod; and the Gateway API's definitions."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

from otel_mesh.core.component import Component
from otel_mesh.core.errors import parse
from otel_mesh.core.labels import Role, recommended
from otel_mesh.k8s import cluster_objects
from otel_mesh.k8s.manifests import Manifest, resource
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.istio.chart_objects import chart_transform
from otel_mesh.mesh.istio.charts import chart_values
from otel_mesh.mesh.istio.gateway_api import gateway_api_definitions
from otel_mesh.mesh.istio.policy import mesh_telemetry, peer_authentication, untraced_exports
from otel_mesh.mesh.istio.settings import IstioSettings, Tracing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class IstioArgs:
    """Arguments of an `Istio`.

    Attributes:
        tracing: where proxies send spans, and of which requests.
        environment: ``deployment.environment.name`` of the proxies' telemetry.
        charts_dir: folder that holds the charts (``base``, ``cni``, ``istiod``) instead of upstream's repository. The
            Gateway API's definitions are taken from its folder ``gateway-api`` if there is one.
        settings: or a mapping that becomes one.
    """

    tracing: Tracing
    environment: str
    charts_dir: str | None = None
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
    """Where a chart comes from: ``chart`` and, of one that is fetched, ``version`` and its Helm ``repository``."""
    if charts_dir is not None:
        return {"chart": f"{charts_dir}/{chart}"}
    if settings.chart_repository.startswith("oci://"):
        return {"chart": f"{settings.chart_repository}/{chart}", "version": settings.version}
    return {"chart": chart, "version": settings.version, "repository": settings.chart_repository}


class Istio(Component):
    """A control plane with what its sidecars need, strict mTLS and tracing.

    It is ready, so that what depends on it may be deployed, once istiod answers and istio-cni runs on every node.

    Attributes:
        binding: what workloads have to know of it, as plain data of a `MeshBinding`; known once the mesh is ready.

    Raises:
        InvalidSettingsError: the settings are wrong.
    """

    TYPE: ClassVar[str] = "Istio"

    binding: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, args: IstioArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(IstioSettings, args.settings)
        super().__init__(name, opts)
        self._settings, self._args = settings, args
        plane, cni = (self._child(one, ()) for one in istio_namespaces(settings))
        values = chart_values(settings, args.tracing, args.environment)
        base = self._chart("base", settings.namespace, values["base"], [plane])
        # before istiod: the first pods that it injects need the plugin
        node = self._chart("cni", settings.cni.namespace, values["cni"], [cni, base])
        # before istiod, which looks for these definitions when it starts
        options = pulumi.ResourceOptions(parent=self, depends_on=[base])
        gateway_api = gateway_api_definitions(name, settings, args.charts_dir, self._timeouts, options)
        istiod = self._chart("istiod", settings.namespace, values["istiod"], [base, node, *gateway_api])
        policies = (
            peer_authentication(settings),
            mesh_telemetry(settings, args.tracing),
            untraced_exports(settings, args.tracing),
        )
        ready = [self._child(policy, [istiod]).urn for policy in policies]
        plain = istio_binding(settings).model_dump(mode="json")
        self.binding = pulumi.Output.all(*ready).apply(lambda _: plain)
        self.register_outputs({"binding": self.binding})

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
        helm = importlib.import_module("pulumi_kubernetes.helm.v4")
        source: dict[str, Any] = chart_source(chart, self._settings, self._args.charts_dir)
        if "repository" in source:
            source["repository_opts"] = helm.RepositoryOptsArgs(repo=source.pop("repository"))
        options = pulumi.ResourceOptions(
            parent=self, depends_on=list(needs), transforms=[chart_transform(self._settings, self._timeouts)]
        )
        made: pulumi.Resource = helm.Chart(
            f"{self._name}-{chart}", name=chart, namespace=namespace, values=dict(values), opts=options, **source
        )
        return made
