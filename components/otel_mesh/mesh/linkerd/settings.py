"""Settings of a Linkerd installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, model_validator

from otel_mesh.core import versions
from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import DnsLabel, Duration, ImageReference, Port, Replicas, Settings
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.mesh.installing.chart_objects import Crds  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.mesh.installing.gateway_api import GatewayApi
from otel_mesh.mesh.installing.types import Folder, TrustDomain  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.mesh.linkerd.identity_settings import IdentitySettings

if TYPE_CHECKING:
    from typing import Self

_OLDEST: Final = (26, 7, 1)
"""First release whose proxies send their spans whatever the trust domain is (linkerd/linkerd2#15404)."""

EdgeVersion = Annotated[str, Field(pattern=r"^edge-[0-9]{2}\.[0-9]{1,2}\.[0-9]{1,2}$")]
"""An edge release of Linkerd; there are no other open-source releases."""


class LinkerdControlPlane(Settings):
    """The control plane: destination, identity and proxy injector.

    Attributes:
        replicas: Number of pods of each part. With more than one, the pods run on different nodes and disruption
            budgets keep most of them running; upstream's high availability has 3.
        resources: Resource requests and limits of each container.
        image: Image that replaces the release's, with its tag.
        webhook_failure: ``fail``: no pod is created while the injector does not answer; ``ignore``: such pods start
            without a proxy, and meshed workloads refuse their calls.
        scheduling: Placement of the pods. Its ``topology_keys`` are not used: the charts spread the pods.
    """

    replicas: Replicas = 2
    resources: Resources = Resources(cpu="50m", memory="64Mi", memory_limit="256Mi")
    image: ImageReference | None = None
    webhook_failure: Literal["fail", "ignore"] = "fail"
    scheduling: Scheduling = Scheduling()

    @model_validator(mode="after")
    def _drained_in_parts(self) -> Self:
        self.scheduling.require_drainable(self.replicas)
        return self


class LinkerdProxy(Settings):
    """The proxies.

    Attributes:
        resources: Resource requests and limits of each proxy.
        image: Image that replaces the release's, with its tag.
        native_sidecar: Whether the proxy is a native sidecar, which starts before and stops after the pod's containers.
        log_level: Log level of the proxies.
        tracing: Whether proxies and control plane send spans, which only a Collector in the mesh can receive.
        unidentified_spans: Whether the Collector accepts spans (by gRPC, and nothing else) from pods of the cluster's
            networks without an identity. A proxy connects to the Collector as it starts, often before it has its own
            certificate, and keeps that connection: where the Collector refuses it, the spans of such a proxy are lost.
        access_logs: Whether proxies write a JSON line for every request.
        inbound: Connections that no policy speaks of: refused (``deny``), or allowed to the mesh's workloads
            (``all-authenticated``) or to everybody (``all-unauthenticated``).
        opaque_ports: Ports whose protocol is not detected, beside upstream's and the catalog's TCP ports.
        skip_inbound_ports: Ports at which connections bypass the proxy: neither encrypted nor authorized.
        skip_outbound_ports: Ports to which connections bypass the proxy.
        certificate_lifetime: Lifetime of the workload certificates.
    """

    resources: Resources = Resources(cpu="20m", memory="20Mi", memory_limit="250Mi")
    image: ImageReference | None = None
    native_sidecar: bool = True
    log_level: Annotated[str, Field(pattern=r"^[a-z0-9_:=,]+$")] = "warn,linkerd=info,hickory=error"
    tracing: bool = True
    unidentified_spans: bool = False
    access_logs: bool = True
    inbound: Literal["deny", "all-authenticated", "all-unauthenticated"] = "deny"
    opaque_ports: tuple[Port, ...] = ()
    skip_inbound_ports: tuple[Port, ...] = ()
    skip_outbound_ports: tuple[Port, ...] = ()
    certificate_lifetime: Duration = "24h"


class LinkerdCni(Settings):
    """linkerd-cni, which redirects pods' traffic from the node, so that no pod needs privileges for that.

    Attributes:
        namespace: Namespace of its own: the only privileged one of the mesh.
        image: Image that replaces the chart's, with its tag.
        resources: Resource requests and limits of the pod on each node.
        bin_dir: Folder of the node's CNI plugins.
        conf_dir: Folder of the node's CNI configuration; the plugin is added to its first file.
        iptables: Program that writes the rules on the node.
        repair: Whether pods that started before the plugin was installed are deleted, so that their owners create new
            ones.
    """

    namespace: DnsLabel = "linkerd-cni"
    image: ImageReference | None = None
    resources: Resources = Resources(cpu="20m", memory="32Mi", memory_limit="128Mi")
    bin_dir: Folder = "/opt/cni/bin"
    conf_dir: Folder = "/etc/cni/net.d"
    iptables: Literal["nft", "legacy", "plain"] = "nft"
    repair: bool = True


class LinkerdSettings(Settings):
    """Settings of a `Linkerd`.

    Attributes:
        version: Edge release of Linkerd and of its charts (``edge-26.7.1`` is chart version 2026.7.1).
        chart_repository: URL of the Helm repository. Not used where the charts come from a local folder.
        namespace: Namespace of the control plane.
        trust_domain: Trust domain of all workload identities.
        identity: Origin of the trust anchor and of the issuer.
        control_plane: Settings of the control plane.
        proxy: Settings of the proxies.
        cni: Settings of linkerd-cni.
        cluster_networks: Address ranges of the cluster's pods and Services; EgressNetworks are about all others.
        gateway_api: Definitions of the Gateway API, which Linkerd's routes are objects of.
        crds: Whether the CustomResourceDefinitions (Linkerd's and the Gateway API's) stay in the cluster when the mesh
            is removed. With them every team's routes and policies stay or go.
    """

    version: EdgeVersion = versions.LINKERD
    chart_repository: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] = versions.LINKERD_CHARTS
    namespace: DnsLabel = "linkerd"
    trust_domain: TrustDomain = "cluster.local"
    identity: IdentitySettings = IdentitySettings()
    control_plane: LinkerdControlPlane = LinkerdControlPlane()
    proxy: LinkerdProxy = LinkerdProxy()
    cni: LinkerdCni = LinkerdCni()
    cluster_networks: tuple[str, ...] = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8")
    gateway_api: GatewayApi = GatewayApi()
    crds: Crds = "keep"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        if self.release < _OLDEST:
            reason = f"{self.version} is older than edge-26.7.1, whose proxies lose spans (linkerd/linkerd2#15404)"
            problems.append(Problem("version", reason, "use edge-26.7.1 or later"))
        if self.cni.namespace == self.namespace:
            reason = f"'{self.namespace}' is the namespace of the control plane, which is not privileged"
            problems.append(Problem("cni.namespace", reason, "give linkerd-cni a namespace of its own"))
        for path, image in self._images():
            if image is not None and ":" not in image.rpartition("/")[2]:
                reason = f"{image} has no tag, which the charts need"
                problems.append(Problem(path, reason, "add one (with a digest: name:tag@sha256:...)"))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def _images(self) -> tuple[tuple[str, str | None], ...]:
        return (
            ("control_plane.image", self.control_plane.image),
            ("proxy.image", self.proxy.image),
            ("cni.image", self.cni.image),
        )

    @property
    def release(self) -> tuple[int, ...]:
        """Year, month and number of the release: ``(26, 7, 1)``."""
        return tuple(int(part) for part in self.version.removeprefix("edge-").split("."))

    @property
    def chart_version(self) -> str:
        """Version of the release's charts: ``2026.7.1``."""
        return f"20{self.version.removeprefix('edge-')}"
