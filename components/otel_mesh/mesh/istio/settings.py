"""The settings of an Istio installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, model_validator

from otel_mesh.core import versions
from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import DnsLabel, Duration, ImageReference, LabelValue, Percentage, Port, Replicas, Settings
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.scheduling import Scheduling

if TYPE_CHECKING:
    from typing import Self

TRACING_PROVIDER: Final = "otel-tracing"
"""Name of the mesh's extension provider for traces; Telemetry resources refer to it."""

TrustDomain = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?$")]
Folder = Annotated[str, Field(pattern=r"^/[^\s]*$")]


class ControlPlane(Settings):
    """istiod.

    Attributes:
        replicas: how many pods; with more than one a disruption budget keeps one running.
        resources: of each pod; upstream asks for 500m and 2Gi, sized for a thousand services.
        image: instead of the release's own.
        environment: further variables, e.g. feature switches (``PILOT_...``).
        scheduling: where the pods run. Its ``image_pull_secrets`` are used for all images of Istio, and so must exist
            in the namespaces of istio-cni and of what is injected as well.
    """

    replicas: Replicas = 2
    resources: Resources = Resources(cpu="100m", memory="512Mi", memory_limit="2Gi")
    image: ImageReference | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    scheduling: Scheduling = Scheduling()

    @model_validator(mode="after")
    def _drained_in_parts(self) -> Self:
        self.scheduling.require_drainable(self.replicas)
        return self


class Proxy(Settings):
    """The sidecars and gateways.

    Attributes:
        resources: of each sidecar.
        image: instead of the release's own.
        istio_metrics: whether proxies produce Istio's own metrics (``istio_requests_total``) and exchange metadata for
            them; needs the Envoy that Istio ships.
        envoy_metrics: regular expressions of Envoy's own statistics that are published beside the default ones.
        certificate_lifetime: of the certificates by which pods prove who they are; renewed at half of it, with
            connections going on. Upstream's default. A pod keeps to what held when it was made.
    """

    resources: Resources = Resources(cpu="50m", memory="64Mi", memory_limit="256Mi")
    image: ImageReference | None = None
    istio_metrics: bool = True
    envoy_metrics: tuple[str, ...] = ()
    certificate_lifetime: Duration = "24h"


class Cni(Settings):
    """istio-cni, which redirects a pod's traffic from the node, so that no pod needs privileges for it.

    Attributes:
        namespace: of its own, because it is the one part of the mesh that has to be privileged.
        image: instead of the release's own.
        resources: of its pod on each node.
        bin_dir: where the node's container runtime looks for plugins.
        conf_dir: where it looks for their configuration.
        conf_file: into which the plugin is chained; empty: the first in ``conf_dir``.
        repair: what happens to a pod that started before the plugin was there: its network is mended in place
            (needs the host's process namespace), or it is deleted so that its owner makes it again.
    """

    namespace: DnsLabel = "istio-cni"
    image: ImageReference | None = None
    resources: Resources = Resources(cpu="20m", memory="64Mi", memory_limit="256Mi")
    bin_dir: Folder = "/opt/cni/bin"
    conf_dir: Folder = "/etc/cni/net.d"
    conf_file: str = ""
    repair: Literal["pods-in-place", "delete-pods"] = "pods-in-place"


class Tracing(Settings):
    """Spans of the proxies.

    Attributes:
        service: DNS name of the Collector's Service; always with namespace and domain.
        port: of OTLP over gRPC there.
        http_port: of OTLP over HTTP there.
        ingress_percentage: of the requests that enter at a gateway, those that are traced. From Envoy 1.40 on a sampled
            context that a client sends is continued for this share only; before, always.
        internal_percentage: of the requests inside the mesh that may be traced. What comes unsampled stays so, whatever
            stands here. With less than 100, sidecars from Envoy 1.40 on cut traces that the gateway began.
        tags: further attributes of every span, with fixed values.
        header_tags: further attributes that are taken from request headers: attribute to header.
    """

    service: str
    port: Port = 4317
    http_port: Port = 4318
    ingress_percentage: Percentage = 100.0
    internal_percentage: Percentage = 100.0
    tags: dict[str, str] = Field(default_factory=dict)
    header_tags: dict[str, str] = Field(default_factory=dict)


class GatewayApi(Settings):
    """Definitions of the Kubernetes Gateway API (https://gateway-api.sigs.k8s.io), standard channel.

    Istio reads their objects, ignores kinds whose definition is older than it wants, and installs none itself.

    Attributes:
        definitions: ``install`` them with the mesh, or rely on ``existing`` ones, where the cluster's provider, another
            mesh or an administrator brings them. Definitions of another release that somebody else applied are a
            conflict that stops the update; they are never overwritten.
        version: of the release.
        files: address of upstream's sources, or of a mirror: the files are in ``v<version>/config/crd/standard`` there.
    """

    definitions: Literal["install", "existing"] = "install"
    version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")] = versions.GATEWAY_API
    files: Annotated[str, Field(pattern=r"^https?://[^\s]+[^/\s]$")] = versions.GATEWAY_API_FILES

    @property
    def address(self) -> str:
        """The folder of upstream's files."""
        return f"{self.files}/v{self.version}/config/crd/standard"


class IstioSettings(Settings):
    """Settings of an `Istio`.

    Attributes:
        version: of the release, i.e. of its charts.
        chart_repository: where the charts come from, unless a folder with them is given: the address of a Helm
            repository, or ``oci://`` and a registry's folder.
        namespace: of istiod.
        revision: name of this control plane; empty for the default one. Two revisions may run beside each other.
        trust_domain: first part of every identity.
        control_plane: istiod.
        proxy: sidecars and gateways.
        cni: istio-cni.
        outbound: whether pods may call hosts that the mesh doesn't know.
        access_logs: whether proxies write a JSON line for every request.
        gateway_api: definitions of the Gateway API.
        crds: whether an uninstall leaves the CustomResourceDefinitions that came with it (Istio's, the Gateway API's),
            and with them everybody's routes and policies, in the cluster.
    """

    version: LabelValue = versions.ISTIO
    chart_repository: str = versions.ISTIO_CHARTS
    namespace: DnsLabel = "istio-system"
    revision: DnsLabel | Literal[""] = ""
    trust_domain: TrustDomain = "cluster.local"
    control_plane: ControlPlane = ControlPlane()
    proxy: Proxy = Proxy()
    cni: Cni = Cni()
    outbound: Literal["allow-any", "registry-only"] = "registry-only"
    access_logs: bool = True
    gateway_api: GatewayApi = GatewayApi()
    crds: Literal["keep", "delete"] = "keep"

    @model_validator(mode="after")
    def _privileged_part_apart(self) -> Self:
        if self.cni.namespace == self.namespace:
            reason = f"'{self.namespace}' is istiod's, which stays restricted"
            problem = Problem("cni.namespace", reason, "give istio-cni a namespace of its own")
            raise InvalidSettingsError([problem])
        return self
