"""Settings of a gateway where requests from outside enter, and the Services it forwards to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.outputs import (
    LabelInput,  # noqa: TC001 - pydantic reads it at run time
    TextInput,  # noqa: TC001 - pydantic reads it at run time
)
from otel_mesh.core.values import DnsLabel, Duration, PathPrefix, Port, Replicas, Settings
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.mesh.binding import GatewayBinding
from otel_mesh.mesh.policies.tokens import TokenSettings  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from typing import Self

HTTP_PORT: Final = 8080
HTTPS_PORT: Final = 8443
"""Unprivileged ports of a gateway's pods; its Service has 80 and 443."""


class Route(Settings):
    """A Service that a gateway forwards requests to.

    Attributes:
        host: Fully qualified DNS name of the Service.
        port: Port of the Service.
        prefix: Prefix of the paths that are forwarded, by whole segments.
    """

    host: TextInput
    port: Port
    prefix: PathPrefix = "/"


class IngressGatewaySettings(Settings):
    """Settings of an `IngressGateway`.

    Attributes:
        name: Name of the Kubernetes objects.
        replicas: Number of pods.
        resources: Resource requests and limits of each pod.
        service_type: Type of the Service: LoadBalancer where the cluster provides one, else ClusterIP or NodePort.
        hosts: Host names that the gateway answers for.
        tls_secret: Name of the Secret of type ``kubernetes.io/tls`` in the gateway's namespace; without one there is no
            HTTPS. The Secret exists already, or is made from the certificate in the arguments. A renewed certificate
            takes effect without a restart.
        plain_http: Plain HTTP requests are served like HTTPS requests, or redirected to HTTPS.
        timeout: Time after which a client gets 504, including retries.
        retries: Number of retries of safe requests: GET, HEAD, and requests with an ``idempotency-key``.
        try_timeout: Timeout of each try.
        tokens: Tokens (JWT) that clients have to send; None if they need none.
        outside_context: Trace context, baggage and ``x-ab-group`` of clients: ``continue`` trusts them, ``restart``
            removes them, so that the gateway begins every trace.
        scheduling: Placement of the pods.
    """

    name: DnsLabel = "ingress"
    replicas: Replicas = 2
    resources: Resources = Resources(cpu="100m", memory="96Mi", memory_limit="512Mi")
    service_type: Literal["LoadBalancer", "ClusterIP", "NodePort"] = "LoadBalancer"
    hosts: tuple[str, ...] = Field(default=("*",), min_length=1)
    tls_secret: LabelInput | None = None
    plain_http: Literal["serve", "redirect"] = "serve"
    timeout: Duration = "10s"
    retries: int = Field(default=2, ge=0, le=5)
    try_timeout: Duration = "3s"
    tokens: TokenSettings | None = None
    outside_context: Literal["continue", "restart"] = "restart"
    scheduling: Scheduling = Scheduling()

    @model_validator(mode="after")
    def _drained_in_parts(self) -> Self:
        self.scheduling.require_drainable(self.replicas)
        return self

    @model_validator(mode="after")
    def _redirect_has_a_target(self) -> Self:
        if self.plain_http == "redirect" and self.tls_secret is None:
            problem = Problem("plain_http", "redirects to HTTPS but no tls_secret is set", "set tls_secret, or 'serve'")
            raise InvalidSettingsError([problem])
        return self

    def binding(self, namespace: str) -> GatewayBinding:
        """The gateway's part of the mesh's binding, for `IstioArgs.gateway`.

        Args:
            namespace: Namespace of the gateway.
        """
        https = 443 if self.tls_secret else None
        return GatewayBinding(
            namespace=namespace,
            service=self.name,
            https_port=https,
            service_account=self.name,
            pod_ports=(HTTP_PORT, *([HTTPS_PORT] if self.tls_secret else [])),
        )
