"""The setting ``mesh`` of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import model_validator

from otel_mesh import (
    ERROR_PORT,
    Cidr,
    DnsLabel,
    GatewayBinding,
    GatewayController,
    IngressGatewaySettings,
    InvalidSettingsError,
    IstioSettings,
    LinkerdSettings,
    MeshTracing,
    Problem,
    Settings,
    TeamRoute,
    ingress_problems,
    linkerd_proxy_spans,
    require_distinct_routes,
    traffic_problems,
)
from otel_mesh_stack.exposure import ExposedBackendsSettings  # noqa: TC001 - pydantic reads it at run time
from otel_mesh_stack.secret_files import FileName  # noqa: TC001 - pydantic reads it at run time
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from otel_mesh import ProxySpans, Target, TrafficPolicy


_SCHEDULED_PARTS: Final = {
    "none": (),
    "istio": ("istio.control_plane", "gateway"),
    "linkerd": ("linkerd.control_plane",),
}


class MeshSettings(Settings):
    """The mesh of a stack.

    Attributes:
        kind: Mesh to install; ``none`` for no mesh.
        istio: Settings of the installation if ``kind`` is ``istio``.
        linkerd: Settings of the installation if ``kind`` is ``linkerd``.
        linkerd_trust_anchors: Trust anchors in PEM, if ``linkerd.identity.source`` is not ``generated``.
        linkerd_issuer: Name, without the endings ``.crt`` and ``.key``, of two PEM files in OTEL_MESH_SECRETS_DIR with
            Linkerd's issuer; None if the Secret ``linkerd-identity-issuer`` exists already, or cert-manager makes it.
        gateway: Settings of the gateway where requests from outside enter, if ``kind`` is ``istio`` or ``gateway_api``
            is set.
        gateway_namespace: Namespace of the gateway if ``kind`` is ``istio``.
        gateway_api: Controller of the Gateway API, installed beforehand, that serves the gateway if ``kind`` is
            ``linkerd``; None for a stack without a gateway.
        gateway_certificate: Name, without the endings ``.crt`` and ``.key``, of two PEM files in OTEL_MESH_SECRETS_DIR
            from which the Secret ``gateway.tls_secret`` is made; None if the Secret exists already.
        entrance_networks: Address ranges of gateways outside the mesh, whose calls exposed services accept without an
            identity, if ``kind`` is ``linkerd`` and ``gateway_api`` is not set.
        team_routes: Places at the gateway that services of teams' stacks may serve.
        exposed_backends: Backends that are reached through the gateway with a token; None for none.
        tracing: Sampling and attributes of the proxies' spans.
        node_from_file: Whether to read the folders of the nodes' CNI plugins from the file OTEL_MESH_NODE_FILE.
    """

    kind: Literal["none", "istio", "linkerd"] = "none"
    istio: IstioSettings = IstioSettings()
    linkerd: LinkerdSettings = LinkerdSettings()
    linkerd_trust_anchors: str | None = None
    linkerd_issuer: FileName | None = None
    gateway: IngressGatewaySettings = IngressGatewaySettings()
    gateway_namespace: DnsLabel = "istio-ingress"
    gateway_api: GatewayController | None = None
    gateway_certificate: FileName | None = None
    entrance_networks: tuple[Cidr, ...] = ()
    team_routes: tuple[TeamRoute, ...] = ()
    exposed_backends: ExposedBackendsSettings | None = None
    tracing: MeshTracing = MeshTracing()
    node_from_file: bool = False

    @model_validator(mode="after")
    def _certificate_has_its_secret(self) -> Self:
        if self.gateway_certificate is not None and self.gateway.tls_secret is None:
            reason = "is set, but no name for the Secret to create from it"
            raise InvalidSettingsError([Problem("gateway_certificate", reason, "set gateway.tls_secret")])
        return self

    @model_validator(mode="after")
    def _routes_do_not_clash(self) -> Self:
        own = {service.path_prefix: service.name for service in CATALOG.services if service.exposed}
        require_distinct_routes(self.team_routes, own, self.gateway.hosts)
        return self

    @model_validator(mode="after")
    def _controller_fits(self) -> Self:
        api = self.gateway_api
        if api is None or self.kind == "none":
            return self
        if self.kind == "istio":
            problems = [Problem("gateway_api", "is for linkerd: an Istio has its own gateway", "remove it")]
        else:
            problems = [one.below("gateway") for one in ingress_problems(self.gateway, api)]
        if problems:
            raise InvalidSettingsError(problems)
        return self

    @model_validator(mode="after")
    def _certificates_fit_their_source(self) -> Self:
        source, anchors = self.linkerd.identity.source, self.linkerd_trust_anchors
        problems = []
        if (source == "generated") != (anchors is None):
            reason = "is missing" if anchors is None else "has no effect"
            remedy = "set both, or neither: linkerd.identity.source: given (or cert-manager)"
            problems.append(Problem("linkerd_trust_anchors", f"{reason} with identity.source '{source}'", remedy))
        if self.linkerd_issuer is not None and source != "given":
            reason = f"has no effect with linkerd.identity.source '{source}'"
            problems.append(Problem("linkerd_issuer", reason, "set the source to given, or remove it"))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    @property
    def brings_identity(self) -> bool:
        """Whether the mesh's certificates are the user's own."""
        return self.kind == "linkerd" and self.linkerd.identity.source != "generated"

    @property
    def rotated(self) -> LinkerdSettings | None:
        """Settings of the mesh whose trust anchor the stack rotates; None for a mesh that keeps its own."""
        return self.linkerd if self.kind == "linkerd" else None

    @property
    def has_gateway(self) -> bool:
        """Whether requests from outside enter the mesh by a gateway of the stack's own."""
        return self.gateway_binding is not None

    @property
    def exposes_backends(self) -> bool:
        """Whether the gateway can serve backends to clients with a token."""
        return self.kind == "istio"

    @property
    def entrance_notes(self) -> tuple[str, ...]:
        """What has to be known of a gateway that a controller serves, or of a mesh that no request can enter."""
        if self.kind == "linkerd" and self.gateway_api is not None:
            return self.gateway_api.notes(self.gateway)
        if self.kind == "none" or self.has_gateway or self.entrances:
            return ()
        return (
            (
                f"mesh.gateway: {self.kind} has no gateway; exposed services accept callers in the mesh only. Set "
                "mesh.gateway_api, name a gateway of your own in services.<name>.callers, or its addresses in "
                "mesh.entrance_networks, see docs/linkerd.md"
            ),
        )

    @property
    def needs_outside_addresses(self) -> bool:
        """Whether the mesh tells hosts outside the cluster that are called with TLS apart by their addresses only."""
        return self.kind == "linkerd"

    @property
    def needs_meshed_collector(self) -> bool:
        """Whether the proxies send spans to a Collector in the mesh only."""
        return self.kind == "linkerd" and self.linkerd.proxy.tracing

    @property
    def proxy_spans(self) -> ProxySpans:
        """Kind of the proxies, if they make spans; else empty."""
        if self.kind == "linkerd":
            return linkerd_proxy_spans(self.linkerd, self.gateway_binding)
        return "envoy" if self.kind == "istio" else ""

    def with_cni(self, node: Mapping[str, str]) -> Self:
        """The settings with a node's folders for the mesh's CNI plugin; values that are set take precedence.

        Args:
            node: Folders and files of the node, by field.
        """
        part = getattr(self, self.kind)
        fields = type(part.cni).model_fields.keys() - part.cni.model_fields_set
        cni = part.cni.model_copy(update={key: one for key, one in node.items() if key in fields})
        return self.model_copy(update={self.kind: part.model_copy(update={"cni": cni})})

    def traffic_problems(self, policy: TrafficPolicy, target: Target) -> list[Problem]:
        """Versions that a service lacks, and what the mesh cannot do of a policy.

        Args:
            policy: Policy of the service.
            target: The service.
        """
        return traffic_problems(policy, target, self.kind)

    def error_backend(self, service: str) -> tuple[str, int] | None:
        """Workload and port that answer with injected errors; None where the proxies do so themselves.

        Args:
            service: Service whose callers meet the errors.
        """
        return (f"{service}-errors", ERROR_PORT) if self.kind == "linkerd" else None

    @property
    def entrances(self) -> tuple[Cidr, ...]:
        """Address ranges whose calls exposed services accept without an identity."""
        return self.entrance_networks if self.kind == "linkerd" and self.gateway_api is None else ()

    @property
    def installed(self) -> bool:
        """Whether the stack installs a mesh."""
        return self.kind != "none"

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Namespaces of the mesh's own parts, in the order of installation; the gateway's last."""
        if self.kind == "istio":
            return (self.istio.cni.namespace, self.istio.namespace, self.gateway_namespace)
        if self.kind == "none":
            return ()
        own = [] if self.gateway_api is None else [self.gateway_api.namespace]
        return (self.linkerd.cni.namespace, self.linkerd.namespace, *own)

    @property
    def gateway_binding(self) -> GatewayBinding | None:
        """The gateway where requests from outside enter; None without one."""
        if self.kind == "istio":
            return self.gateway.binding(self.gateway_namespace)
        if self.kind == "linkerd" and self.gateway_api is not None:
            return self.gateway_api.binding(self.gateway)
        return None

    @property
    def gateway_place(self) -> str | None:
        """Namespace of the gateway's objects, which the stack creates; None without a gateway."""
        if self.kind == "istio":
            return self.gateway_namespace
        return self.gateway_api.namespace if self.has_gateway and self.gateway_api is not None else None

    @property
    def scheduled_parts(self) -> tuple[str, ...]:
        """Paths of the mesh's settings that have a ``scheduling``."""
        own = _SCHEDULED_PARTS[self.kind]
        return (*own, "gateway") if self.has_gateway and "gateway" not in own else own
