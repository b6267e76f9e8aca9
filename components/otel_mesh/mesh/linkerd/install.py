"""Installation of Linkerd from its own charts: definitions, linkerd-cni on every node and the control plane."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Role, recommended
from otel_mesh.k8s import cluster_objects
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.manifests import Manifest, resource
from otel_mesh.mesh.binding import CollectorIdentity, GatewayBinding, MeshBinding
from otel_mesh.mesh.installing.chart_check import chart_warnings
from otel_mesh.mesh.installing.chart_objects import chart_transform
from otel_mesh.mesh.installing.charts import helm_chart
from otel_mesh.mesh.installing.gateway_api import gateway_api_definitions
from otel_mesh.mesh.linkerd import stored_identity
from otel_mesh.mesh.linkerd.access import proxy_metrics
from otel_mesh.mesh.linkerd.binding import linkerd_binding
from otel_mesh.mesh.linkerd.certificates import identity_problems
from otel_mesh.mesh.linkerd.charts import CHARTS, cni_values, control_plane_values, crds_values
from otel_mesh.mesh.linkerd.settings import LinkerdSettings
from otel_mesh.mesh.linkerd.stored_identity import GivenIdentity, StoredGeneration, stored_generation
from otel_mesh.mesh.tracing import Tracing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


_ANCHORS, _CERTIFICATE, _KEY = range(3)


@dataclass(frozen=True, kw_only=True)
class LinkerdArgs:
    """Arguments of a `Linkerd`.

    Attributes:
        tracing: Destination of the proxies' spans. Linkerd continues traces and never begins or samples any: the
            percentages have no effect.
        environment: Value of ``deployment.environment.name`` in the proxies' telemetry.
        charts_dir: Folder with the charts (``linkerd-crds``, ``linkerd2-cni``, ``linkerd-control-plane``), used in
            place of upstream's repository. Its subfolder ``gateway-api``, if it exists, holds the Gateway API's
            definitions.
        gateway: Gateway where requests from outside will enter, for `Linkerd.binding`; None without one.
        collector: Workload identity of the Collector, which has to be in the mesh; None without tracing by proxies.
        identity: The user's own certificates, for the sources ``given`` and ``cert-manager``.
        placeholder: Text in place of all certificates and keys, for objects that are only written; None for real ones.
        settings: Settings, or a mapping of their fields.
    """

    tracing: Tracing
    environment: str
    charts_dir: str | None = None
    gateway: GatewayBinding | None = None
    collector: CollectorIdentity | None = None
    identity: GivenIdentity | None = None
    placeholder: str | None = None
    settings: LinkerdSettings = field(default_factory=LinkerdSettings)


def linkerd_namespaces(settings: LinkerdSettings) -> list[Manifest]:
    """The restricted namespace of the control plane, and the privileged one of linkerd-cni."""
    plane, cni = settings.namespace, settings.cni.namespace
    webhooks_off = {"config.linkerd.io/admission-webhooks": "disabled"}
    own = {"linkerd.io/is-control-plane": "true", "linkerd.io/control-plane-ns": plane}
    outside = {"linkerd.io/inject": "disabled"}

    def labels(name: str) -> dict[str, str]:
        return recommended("linkerd", name, Role.NAMESPACE) | webhooks_off

    return [
        cluster_objects.namespace(plane, labels(plane) | own, outside),
        cluster_objects.namespace(
            cni, labels(cni) | {"linkerd.io/cni-resource": "true"}, outside, security="privileged"
        ),
    ]


def chart_source(chart: str, settings: LinkerdSettings, charts_dir: str | None) -> dict[str, str]:
    """Source of a chart: ``chart`` and, if it has to be fetched, ``version`` and the Helm ``repository``."""
    if charts_dir is not None:
        return {"chart": f"{charts_dir}/{chart}"}
    return {"chart": chart, "version": settings.chart_version, "repository": settings.chart_repository}


def argument_problems(args: LinkerdArgs, settings: LinkerdSettings) -> list[Problem]:
    """Mistakes in the arguments, and in certificates as far as their text is known.

    Args:
        args: Arguments of the component.
        settings: Settings of the mesh.
    """
    if settings.proxy.tracing and args.collector is None:
        reason = "is not set, but proxies send their spans by mTLS to a Collector in the mesh only"
        return [Problem("collector", reason, "name the meshed Collector, or set proxy.tracing to false")]
    return [] if args.placeholder is not None else _identity_mistakes(settings.identity.source, args.identity)


def _identity_mistakes(source: str, given: GivenIdentity | None) -> list[Problem]:
    if source == "generated":
        reason = "is given although identity.source is 'generated'"
        return [] if given is None else [Problem("identity", reason, "set the source to 'given', or remove it")]
    if given is None:
        return [Problem("identity", f"is missing with identity.source '{source}'", "give the trust anchors")]
    if source == "cert-manager" and given.issuer_certificate is not None:
        return [Problem("identity.issuer_certificate", "cert-manager issues it", "remove it and its key")]
    anchors, issuer, key = given.trust_anchors, given.issuer_certificate, given.issuer_key
    if any(isinstance(one, pulumi.Output) for one in (anchors, issuer, key)):
        return []  # checked as soon as it is known
    return _certificate_problems([anchors, issuer, key])


def _certificate_problems(texts: Sequence[object]) -> list[Problem]:
    anchors, issuer, key = (None if one is None else str(one) for one in texts)
    return [problem.below("identity") for problem in identity_problems(anchors or "", issuer, key)]


def _checked(texts: Sequence[object], wanted: int) -> str:
    """One of anchors, issuer and key, once all of them are known to fit.

    Raises:
        InvalidSettingsError: They do not fit.
    """
    if problems := _certificate_problems(texts):
        raise InvalidSettingsError(problems)
    return str(texts[wanted])


class Linkerd(Component):
    """A Linkerd control plane with linkerd-cni, mTLS and tracing; the `MeshInstaller` of Linkerd.

    The component is ready when the control plane answers and linkerd-cni runs on every node.

    Attributes:
        mesh: The binding as plain data, known once the mesh is ready: export it as a platform's output ``mesh``, which
            other stacks read with `otel_mesh.Platform.from_stack`.

    Raises:
        InvalidSettingsError: The settings or the certificates are invalid.
    """

    TYPE: ClassVar[str] = "Linkerd"

    mesh: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, args: LinkerdArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(LinkerdSettings, args.settings)
        tracing = parse(Tracing, args.tracing, "tracing")
        collector = None if args.collector is None else parse(CollectorIdentity, args.collector, "collector")
        if problems := argument_problems(args, settings):
            raise InvalidSettingsError(problems)
        marker = trust_marker(args, settings)
        binding = linkerd_binding(
            settings,
            gateway=None if args.gateway is None else parse(GatewayBinding, args.gateway, "gateway"),
            collector=collector,
            trust_marker=marker,
        )
        super().__init__(name, opts)
        self._settings, self._args, self._binding = settings, args, binding
        plane, cni = (self._child(one, ()) for one in linkerd_namespaces(settings))
        stored = {number: self._generation(number, plane) for number in settings.identity.generations}
        last = stored[settings.identity.issuing]
        secrets = [self._child(one, [plane]) for one in self._secrets(last)]
        values = {
            "linkerd-crds": crds_values(),
            "linkerd2-cni": cni_values(settings),
            "linkerd-control-plane": control_plane_values(
                settings,
                tracing=tracing,
                environment=args.environment,
                collector=collector,
                trust_anchors=self._anchors(stored.values()),
                webhook_certificates=stored_identity.webhook_authorities(stored.values()),
                trust_marker=marker,
            ),
        }
        pinned = dict.fromkeys(CHARTS, settings.chart_version)
        self._chart_warnings = chart_warnings(args.charts_dir, pinned, settings.gateway_api, values)
        options = pulumi.ResourceOptions(parent=self, depends_on=[plane])
        gateway_api = gateway_api_definitions(
            name, settings.gateway_api, args.charts_dir, self._timeouts, options, crds=settings.crds
        )
        crds = self._chart("linkerd-crds", settings.namespace, values, [plane])
        # before the control plane, whose own pods need the plugin
        node = self._chart("linkerd2-cni", settings.cni.namespace, values, [cni])
        needs = [*gateway_api, crds, node, *secrets]
        ready = self._chart("linkerd-control-plane", settings.namespace, values, needs)
        if settings.proxy.inbound == "deny":  # which the control plane's own proxies follow too
            for one in proxy_metrics(settings.namespace):
                self._child(one, [ready])
        plain = binding.model_dump(mode="json")
        self.mesh = pulumi.Output.from_input(ready.urn).apply(lambda _: plain)
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
        """Namespaces of the control plane and linkerd-cni."""
        return (self._settings.namespace, self._settings.cni.namespace)

    @property
    def chart_warnings(self) -> tuple[str, ...]:
        """Differences between the charts in ``charts_dir`` and the settings, one sentence each."""
        return self._chart_warnings

    def _generation(self, number: int, namespace: pulumi.Resource) -> StoredGeneration:
        options = pulumi.ResourceOptions(parent=self, depends_on=[namespace], custom_timeouts=self._timeouts)
        return stored_generation(self._name, number, self._settings, options, placeholder=self._args.placeholder)

    def _secrets(self, last: StoredGeneration) -> list[Manifest]:
        settings, given = self._settings, self._args.identity
        made = stored_identity.webhook_secrets(last, settings.namespace)
        if settings.identity.source == "cert-manager":
            return [*made, stored_identity.issued_by_cert_manager(settings)]
        if given is None:
            return [*made, stored_identity.generated_issuer(last, settings.namespace)]
        if given.issuer_certificate is None or given.issuer_key is None:
            return made  # the Secret exists
        certificate, key = self._given(_CERTIFICATE), self._given(_KEY)
        return [*made, stored_identity.given_issuer(certificate, key, settings.namespace)]

    def _anchors(self, stored: Iterable[StoredGeneration]) -> pulumi.Output[str]:
        if self._args.identity is not None:
            return self._given(_ANCHORS)
        anchors = stored_identity.trust_anchors(stored)
        return (
            anchors if self._args.placeholder is not None else anchors.apply(lambda one: _checked([one, None, None], 0))
        )

    def _given(self, place: int) -> pulumi.Output[str]:
        """One of the given anchors, issuer and key, in this order, checked with the others."""
        given, placeholder = self._args.identity, self._args.placeholder
        if placeholder is not None or given is None:
            return pulumi.Output.from_input(placeholder or "")
        texts = pulumi.Output.all(given.trust_anchors, given.issuer_certificate, given.issuer_key)
        found = texts.apply(lambda known: _checked(known, place))
        return found if place == _KEY else pulumi.Output.unsecret(found)

    def _child(self, manifest: Manifest, needs: Sequence[pulumi.Resource]) -> pulumi.CustomResource:
        options = pulumi.ResourceOptions(parent=self, depends_on=list(needs), custom_timeouts=self._timeouts)
        return resource(f"{self._name}-{manifest['metadata']['name']}", manifest, options)

    def _chart(
        self, chart: str, namespace: str, values: Mapping[str, Mapping[str, Any]], needs: Sequence[pulumi.Resource]
    ) -> pulumi.Resource:
        changed = chart_transform(self._settings.crds, self._timeouts)
        options = pulumi.ResourceOptions(parent=self, depends_on=list(needs), transforms=[changed])
        source = chart_source(chart, self._settings, self._args.charts_dir)
        return helm_chart(self._name, chart, namespace, values=values[chart], source=source, options=options)


def trust_marker(args: LinkerdArgs, settings: LinkerdSettings) -> str:
    """A text that changes with the mesh's certificates, so that all pods take a change up; empty if unknown.

    Args:
        args: Arguments of the component.
        settings: Settings of the mesh.
    """
    if args.identity is None:
        return settings.identity.marker
    anchors = args.identity.trust_anchors
    return hashlib.sha256(anchors.encode()).hexdigest()[:16] if isinstance(anchors, str) else ""
