"""The controller that serves a gateway of the Gateway API, and the pods that accept its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import DnsLabel, LabelKey, ObjectName, Port, SelectedValue, Settings
from otel_mesh.mesh.binding import GatewayBinding, RouteParent
from otel_mesh.mesh.policies.edge_headers import CONTEXT_HEADERS, IDENTITY_HEADERS
from otel_mesh.mesh.policies.matching import MARKERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from otel_mesh.mesh.policies.ingress import IngressGatewaySettings

ENVOY_HTTP_PORT: Final = 10080
ENVOY_HTTPS_PORT: Final = 10443
"""Ports of Envoy Gateway's pods for 80 and 443: a pod without privileges cannot open those."""
XDS_PORT: Final = 18000
"""Port of Envoy Gateway that configures its proxies."""
_OVERRIDES: Final = ("l5d-dst-override",)
"""Headers that choose another destination in a proxy of Linkerd's ingress mode."""
_REMOVED: Final = (*IDENTITY_HEADERS, *MARKERS, *_OVERRIDES, "x-client-trace-id")
_CONTEXT: Final = tuple(name for name in CONTEXT_HEADERS if name not in {"x-b3-parentspanid", "x-b3-flags"})
"""Without two headers that say nothing alone: a route of the Gateway API removes 16 headers at most."""


class DataPlane(Settings):
    """The pods of a controller of the user's own that accept requests from outside.

    Attributes:
        namespace: Namespace of the pods and of their Service.
        service: Name of the Service.
        service_account: Service account of the pods: their identity in the mesh.
        pod_labels: Labels of the pods, by which NetworkPolicies tell them.
        pod_ports: Ports of the pods that accept requests.
        http_port: Port of the Service for plain HTTP.
    """

    namespace: DnsLabel
    service: DnsLabel
    service_account: DnsLabel
    pod_labels: dict[LabelKey, SelectedValue] = Field(min_length=1)
    pod_ports: tuple[Port, ...] = Field(min_length=1)
    http_port: Port = 80


class GatewayController(Settings):
    """The controller that serves a gateway of the Gateway API.

    Attributes:
        controller: ``envoy-gateway``, installed with its proxies in the namespace of the Gateway object, or ``other``:
            then only standard objects are created, which remove fewer headers, and neither trace nor retry.
        namespace: Namespace of the Gateway object, and of Envoy Gateway's proxies.
        gateway_class: Name of an existing GatewayClass; None for one of the gateway's own, of Envoy Gateway.
        controller_namespace: Namespace of Envoy Gateway itself.
        data_plane: Pods of another controller than Envoy Gateway, which have to be in the mesh.
    """

    controller: Literal["envoy-gateway", "other"] = "envoy-gateway"
    namespace: DnsLabel = "ingress"
    gateway_class: ObjectName | None = None
    controller_namespace: DnsLabel = "envoy-gateway-system"
    data_plane: DataPlane | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if problems := list(self._problems()):
            raise InvalidSettingsError(problems)
        return self

    def _problems(self) -> Iterator[Problem]:
        if self.controller == "envoy-gateway":
            if self.data_plane is not None:
                reason = "is not for envoy-gateway, whose pods the gateway describes itself"
                yield Problem("data_plane", reason, "remove it, or set controller: other")
            if self.namespace == self.controller_namespace:
                reason = f"'{self.namespace}' is Envoy Gateway's own, which already exists"
                yield Problem("namespace", reason, "choose another namespace")
            return
        if self.gateway_class is None:
            yield Problem("gateway_class", "is required with controller: other", "name the controller's GatewayClass")
        if self.data_plane is None:
            reason = "is required with controller: other: the mesh has to know who calls the services"
            yield Problem("data_plane", reason, "name the pods that accept requests from outside")
        elif self.data_plane.namespace == self.namespace:
            reason = f"'{self.namespace}' is also the namespace of the controller's pods, which already exists"
            yield Problem("namespace", reason, "choose another namespace")
        if "controller_namespace" in self.model_fields_set:
            yield Problem("controller_namespace", "has no effect with controller: other", "remove it")

    @property
    def is_envoy(self) -> bool:
        """Whether the controller is Envoy Gateway."""
        return self.controller == "envoy-gateway"

    def parent(self, gateway: IngressGatewaySettings) -> RouteParent:
        """The Gateway object, as its routes have to know it.

        Args:
            gateway: Settings of the gateway.
        """
        return RouteParent(
            name=gateway.name,
            namespace=self.namespace,
            hosts=tuple(host for host in gateway.hosts if host != "*"),
            timeout=gateway.timeout,
            try_timeout=gateway.try_timeout,
            envoy=self.is_envoy,
            removed_headers=() if self.is_envoy else removed_headers(gateway),
        )

    def binding(self, gateway: IngressGatewaySettings) -> GatewayBinding:
        """The gateway's part of the mesh's binding, such as `LinkerdArgs.gateway`.

        Args:
            gateway: Settings of the gateway.
        """
        secure, parent = gateway.tls_secret is not None, self.parent(gateway)
        own = self.data_plane
        if own is None:
            return GatewayBinding(
                namespace=self.namespace,
                service=gateway.name,
                https_port=443 if secure else None,
                service_account=gateway.name,
                pod_ports=(ENVOY_HTTP_PORT, *([ENVOY_HTTPS_PORT] if secure else [])),
                envoy_spans=True,
                route_parent=parent,
            )
        return GatewayBinding(
            namespace=own.namespace,
            service=own.service,
            http_port=own.http_port,
            https_port=443 if secure else None,
            service_account=own.service_account,
            pod_labels=own.pod_labels,
            pod_ports=own.pod_ports,
            route_parent=parent,
        )

    def notes(self, gateway: IngressGatewaySettings) -> tuple[str, ...]:
        """What the standard objects cannot say, for a preview; nothing with Envoy Gateway.

        Args:
            gateway: Settings of the gateway.
        """
        if self.is_envoy:
            return ()
        removed = ", ".join(removed_headers(gateway))
        sentences = [
            (
                f"routes remove clients' headers {removed} after the controller has read them; headers that the "
                "controller itself obeys (x-envoy-..., forced tracing) are up to it"
            ),
            "the controller begins no traces unless you configure it to; tracing.ingress_percentage has no effect",
        ]
        if gateway.retries:
            sentences.append("the standard objects have no retries: gateway.retries has no effect")
        return tuple(f"mesh.gateway_api: {one}" for one in sentences)


def removed_headers(gateway: IngressGatewaySettings) -> tuple[str, ...]:
    """Headers that the routes of another controller than Envoy Gateway remove.

    Args:
        gateway: Settings of the gateway.
    """
    return (*_REMOVED, *(_CONTEXT if gateway.outside_context == "restart" else ()))
