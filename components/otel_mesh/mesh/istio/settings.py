"""Settings of an Istio installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, model_validator

from otel_mesh.core import versions
from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import DnsLabel, Duration, ImageReference, LabelValue, Replicas, Settings
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.mesh.installing.chart_objects import Crds  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.mesh.installing.gateway_api import GatewayApi
from otel_mesh.mesh.installing.types import Folder, TrustDomain  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from typing import Self

TRACING_PROVIDER: Final = "otel-tracing"
"""Name of the mesh's extension provider for traces, which Telemetry resources refer to."""


class ControlPlane(Settings):
    """istiod.

    Attributes:
        replicas: Number of pods; with more than one, a disruption budget keeps one running.
        resources: Resource requests and limits of each pod. Upstream's defaults (500m, 2Gi) are for a thousand
            services.
        image: Image that replaces the release's.
        environment: Further environment variables, such as feature flags (``PILOT_...``).
        scheduling: Placement of the pods. Its ``image_pull_secrets`` apply to all images of Istio: the Secrets also
            have to exist in the namespaces of istio-cni and of the injected pods.
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
    """Sidecars and gateways.

    Attributes:
        resources: Resource requests and limits of each sidecar.
        image: Image that replaces the release's.
        istio_metrics: Whether proxies produce Istio's metrics (``istio_requests_total``) and exchange the metadata for
            them; needs the Envoy that Istio ships.
        envoy_metrics: Regular expressions of Envoy statistics to publish beside the default ones.
        certificate_lifetime: Lifetime of the workload certificates, which are renewed at half of it without closing
            connections. A pod keeps the lifetime that was set when it was created.
    """

    resources: Resources = Resources(cpu="50m", memory="64Mi", memory_limit="256Mi")
    image: ImageReference | None = None
    istio_metrics: bool = True
    envoy_metrics: tuple[str, ...] = ()
    certificate_lifetime: Duration = "24h"


class Cni(Settings):
    """istio-cni, which redirects pods' traffic from the node, so that no pod needs privileges for that.

    Attributes:
        namespace: Namespace of its own: the only privileged one of the mesh.
        image: Image that replaces the release's.
        resources: Resource requests and limits of the pod on each node.
        bin_dir: Folder of the node's CNI plugins.
        conf_dir: Folder of the node's CNI configuration.
        conf_file: CNI configuration file that the plugin is added to; empty: the first file in ``conf_dir``.
        repair: Repair of pods that started before the plugin was installed. ``pods-in-place`` sets up the redirection
            afterwards and needs the host's process namespace; ``delete-pods`` lets their owners create new pods.
    """

    namespace: DnsLabel = "istio-cni"
    image: ImageReference | None = None
    resources: Resources = Resources(cpu="20m", memory="64Mi", memory_limit="256Mi")
    bin_dir: Folder = "/opt/cni/bin"
    conf_dir: Folder = "/etc/cni/net.d"
    conf_file: str = ""
    repair: Literal["pods-in-place", "delete-pods"] = "pods-in-place"


class IstioSettings(Settings):
    """Settings of an `Istio`.

    Attributes:
        version: Version of the release and of its charts.
        chart_repository: URL of the Helm repository, or ``oci://`` and a folder of a registry. Not used where the
            charts come from a local folder.
        namespace: Namespace of istiod.
        revision: Name of this control plane; empty for the default one. Several revisions can run at the same time.
        trust_domain: SPIFFE trust domain of all workload identities.
        control_plane: Settings of istiod.
        proxy: Settings of sidecars and gateways.
        cni: Settings of istio-cni.
        outbound: Calls to hosts that are not in the mesh's registry: allowed, or refused.
        access_logs: Whether proxies write a JSON line for every request.
        gateway_api: Definitions of the Gateway API.
        crds: Whether the CustomResourceDefinitions (Istio's and the Gateway API's) stay in the cluster when the mesh is
            removed. With them every team's routes and policies stay or go.
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
    crds: Crds = "keep"

    @model_validator(mode="after")
    def _privileged_part_apart(self) -> Self:
        if self.cni.namespace == self.namespace:
            reason = f"'{self.namespace}' is the namespace of istiod, which is not privileged"
            problem = Problem("cni.namespace", reason, "give istio-cni a namespace of its own")
            raise InvalidSettingsError([problem])
        return self
