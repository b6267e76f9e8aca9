"""The binding of a mesh: what an application stack needs to know of the mesh it joins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import DnsLabel, Duration, LabelKey, Port, SelectedValue, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

MeshKind = Literal["none", "istio", "linkerd"]


PeerIdentity = Literal["", "xfcc-last", "l5d-client-id"]
"""Header in which a service's proxy names the authenticated peer (OTEL_MESH_PEER_IDENTITY); empty if no proxy does.

``xfcc-last``: the last element of ``x-forwarded-client-cert``. Istio's sidecar appends the peer to it and removes the
header from plaintext connections. ``l5d-client-id``: Linkerd's proxy replaces the header. Without a mesh a service must
believe neither, since any caller could set them.
"""


ProxySpans = Literal["", "envoy", "linkerd", "envoy+linkerd"]
"""Programs that make the spans of a mesh's proxies; empty if none does.

``envoy+linkerd``: Envoy at the gateway, and Linkerd's proxies beside the workloads and beside that Envoy.
"""


class RouteParent(Settings):
    """A Gateway object of the Gateway API, as the routes that are attached to it have to know it.

    Attributes:
        name: Name of the object.
        namespace: Namespace of the object.
        hosts: Host names of routes without a host of their own; empty if the gateway answers for all hosts.
        timeout: Time after which a client gets 504, including retries.
        try_timeout: Timeout of each try.
        envoy: Whether Envoy Gateway serves it, so that its policies apply to the routes.
        removed_headers: Headers of clients that each route removes, because the gateway itself does not.
    """

    name: DnsLabel
    namespace: DnsLabel
    hosts: tuple[str, ...] = ()
    timeout: Duration
    try_timeout: Duration
    envoy: bool
    removed_headers: tuple[str, ...] = ()


class GatewayBinding(Settings):
    """The gateway where requests from outside enter the mesh.

    Attributes:
        namespace: Namespace of the gateway.
        service: Name of the gateway's Service.
        http_port: Port of the Service for plain HTTP.
        https_port: Port of the Service for HTTPS; None if the gateway has no certificate.
        service_account: Service account of the gateway's pods.
        pod_ports: Ports of the gateway's pods that accept requests.
        pod_labels: Labels of the gateway's pods, if they are not a workload of this library with the Service's name.
        envoy_spans: Whether the gateway is an Envoy beside the mesh's own proxy, and both make spans.
        route_parent: Gateway object of the Gateway API that routes are attached to; None for a gateway of the mesh's
            own.
    """

    namespace: DnsLabel
    service: DnsLabel
    http_port: Port = 80
    https_port: Port | None = None
    service_account: DnsLabel
    pod_ports: tuple[Port, ...] = ()
    pod_labels: dict[LabelKey, SelectedValue] = Field(default_factory=dict)
    envoy_spans: bool = False
    route_parent: RouteParent | None = None


class CollectorIdentity(Settings):
    """The workload identity of the Collector that receives telemetry.

    Attributes:
        namespace: Namespace of the Collector.
        service_account: Service account of the Collector's pods.
    """

    namespace: DnsLabel
    service_account: DnsLabel


class ProxyScraping(Settings):
    """Where and how Prometheus scrapes the proxies of a mesh.

    Attributes:
        pod_label: Label that all pods with a proxy have.
        port_name: Name of a container port that every proxy has, and no other container.
        port: Port that serves the metrics by plain HTTP.
        path: Path of the metrics.
        pod_labels: Labels of the series that are taken from labels of the pod: series label to pod label.
        match_labels: Series labels whose values, joined with ``;``, are matched against ``series``.
        series: Regular expressions (anchored) of the series to keep.
    """

    pod_label: str
    port_name: str
    port: Port
    path: str
    pod_labels: dict[str, str] = Field(default_factory=dict)
    match_labels: tuple[str, ...] = ("__name__",)
    series: tuple[str, ...] = (".*",)


class MeshControlPlane(Settings):
    """Pods of a mesh's control plane that its proxies connect to.

    Attributes:
        namespace: Namespace of the pods.
        pod_labels: Labels of the pods.
        ports: Ports of the pods.
        telemetry_accounts: Service accounts of the pods that send spans by mTLS.
    """

    namespace: DnsLabel
    pod_labels: dict[str, str]
    ports: tuple[Port, ...]
    telemetry_accounts: tuple[DnsLabel, ...] = ()


class MeshBinding(Settings):
    """The properties of an installed mesh that workloads depend on: plain data that a stack can export.

    A platform stack exports `model_dump()`; another stack reads it with `otel_mesh.Platform.from_stack`. Components
    know a mesh by its binding only, and never ask for ``kind``: whatever differs between meshes is a field of its own
    here.

    Attributes:
        kind: Name of the mesh.
        version: Version of the mesh; empty without a mesh.
        revision: Revision of the control plane that injects the pods; empty for the default revision.
        trust_domain: SPIFFE trust domain of the workload identities; empty without a mesh.
        namespace_labels: Labels that add a namespace to the mesh.
        namespace_annotations: Annotations that add a namespace to the mesh.
        pod_labels: Labels of every pod in the mesh.
        pod_annotations: Annotations of every pod in the mesh.
        identity_format: Form of the workload identities, with the names ``trust_domain``, ``namespace`` and
            ``service_account`` in braces.
        outside_labels: Labels that exclude a pod from the mesh in a namespace that belongs to it.
        outside_annotations: Annotations that do so.
        resource_attributes: OpenTelemetry resource attributes that describe the mesh (``service.mesh``...).
        peer_identity: Header in which a service's proxy names the authenticated peer.
        proxy_spans: Kind of the proxies, if they send spans of the calls that pass them, which the Collector then
            translates and counts in place of the services' own; else empty.
        proxy_scraping: Scraping of the proxies' metrics; None if they are not scraped.
        gateway: Gateway where requests from outside enter; None without one.
        collector: Workload identity of the Collector; None if the mesh does not check it.
        control_plane: Pods that the proxies are configured by; None without a mesh.
        app_protocols: Values of ``appProtocol`` that the mesh reads differently from other meshes, by the usual value.
        span_networks: Address ranges whose pods may send spans without an identity; none if all senders prove theirs.
        proxy_ports: Ports at which proxies accept connections of other proxies in place of their workloads' own.
        bypass_annotation: Annotation of pods that lists ports whose connections reach the workload without the proxy.
    """

    kind: MeshKind
    version: str = ""
    revision: str = ""
    trust_domain: str = ""
    identity_format: str = "spiffe://{trust_domain}/ns/{namespace}/sa/{service_account}"
    namespace_labels: dict[str, str] = Field(default_factory=dict)
    namespace_annotations: dict[str, str] = Field(default_factory=dict)
    pod_labels: dict[str, str] = Field(default_factory=dict)
    pod_annotations: dict[str, str] = Field(default_factory=dict)
    outside_labels: dict[str, str] = Field(default_factory=dict)
    outside_annotations: dict[str, str] = Field(default_factory=dict)
    resource_attributes: dict[str, str] = Field(default_factory=dict)
    peer_identity: PeerIdentity = ""
    proxy_spans: ProxySpans = ""
    proxy_scraping: ProxyScraping | None = None
    gateway: GatewayBinding | None = None
    collector: CollectorIdentity | None = None
    control_plane: MeshControlPlane | None = None
    app_protocols: dict[str, str] = Field(default_factory=dict)
    span_networks: tuple[str, ...] = ()
    proxy_ports: tuple[Port, ...] = ()
    bypass_annotation: str = ""

    @model_validator(mode="after")
    def _identities_need_a_trust_domain(self) -> Self:
        if self.kind != "none" and not self.trust_domain:
            problem = Problem(
                "trust_domain", f"is empty although the mesh is {self.kind}", "set the mesh's trust domain"
            )
            raise InvalidSettingsError([problem])
        return self

    def labels_of_pods(self, *, meshed: bool) -> dict[str, str]:
        """The labels of a workload's pods.

        Args:
            meshed: Whether the pods join the mesh.
        """
        return self.pod_labels if meshed else self.outside_labels

    def annotations_of_pods(self, *, meshed: bool) -> dict[str, str]:
        """The annotations of a workload's pods.

        Args:
            meshed: Whether the pods join the mesh.
        """
        return self.pod_annotations if meshed else self.outside_annotations

    def annotations_bypassing(self, ports: Iterable[int]) -> dict[str, str]:
        """The annotations of a workload's pods in the mesh, some of whose ports accept connections without the proxy.

        Args:
            ports: Ports of the pods.
        """
        found = self.annotations_of_pods(meshed=True)
        if not self.bypass_annotation:
            return found
        listed = [one for one in found.get(self.bypass_annotation, "").split(",") if one]
        return {**found, self.bypass_annotation: ",".join([*listed, *map(str, ports)])}

    def identity(self, namespace: str, service_account: str) -> str | None:
        """The identity that a workload proves by mTLS, or None without a mesh.

        Args:
            namespace: Namespace of the workload's pods.
            service_account: Service account of the pods.
        """
        if self.kind == "none":
            return None
        return self.identity_format.format(
            trust_domain=self.trust_domain, namespace=namespace, service_account=service_account
        )


class NoMesh(MeshBinding):
    """The binding of a platform without a mesh; it changes nothing in a workload.

    Attributes:
        kind: Always ``none``.
    """

    kind: Literal["none"] = "none"
