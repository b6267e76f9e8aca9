"""The gateway through which requests from outside enter the mesh.

Its proxy is injected into a Deployment of ours, so that it is scaled, secured and rolled like every other workload.
It is attached by Istio's own Gateway and VirtualService: the Gateway API's standard channel knows timeouts, but no
retries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import pulumi
from pydantic import Field, model_validator

from otel_mesh.core.component import Component
from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Annotation, Label, Role
from otel_mesh.core.values import DnsLabel, Duration, Replicas, Settings
from otel_mesh.k8s.containers import Container
from otel_mesh.k8s.render import render
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import DeploymentShape, Workload
from otel_mesh.mesh.binding import GatewayBinding, MeshBinding
from otel_mesh.mesh.istio import certificates
from otel_mesh.mesh.istio.edge import edge_hygiene
from otel_mesh.mesh.istio.policy import ingress_telemetry
from otel_mesh.mesh.istio.routes import Route, gateway_object, virtual_service
from otel_mesh.mesh.istio.settings import Tracing  # noqa: TC001 - a component plugin reads it at run time
from otel_mesh.mesh.istio.tokens import TokenSettings, token_manifests

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from otel_mesh.k8s.manifests import Manifest

HTTP_PORT: Final = 8080
HTTPS_PORT: Final = 8443
"""Of the pods: unprivileged; the Service has 80 and 443."""
_READY_PORT: Final = 15021
_PROXY_UID: Final = 1337


class IngressGatewaySettings(Settings):
    """Settings of an `IngressGateway`.

    Attributes:
        name: of its objects.
        replicas: how many pods.
        resources: of each.
        service_type: LoadBalancer where the cluster has one, else ClusterIP or NodePort.
        hosts: that it answers for.
        tls_secret: name of the Secret of type ``kubernetes.io/tls`` in its namespace; without one there is no HTTPS. It
            exists, or is made from the certificate among the arguments. A renewed one is taken up without a restart.
        plain_http: whether plain HTTP is served like HTTPS, or redirected to it.
        timeout: after which a client gets 504, retries included.
        retries: of a request that may be repeated: GET and HEAD, and what carries an ``idempotency-key``.
        try_timeout: after which one try is given up.
        tokens: that callers have to show; None where nobody has to show any.
        outside_context: whether the trace context, baggage and ``x-ab-group`` that clients send are believed:
            ``restart`` removes them, and the gateway begins every trace itself.
        scheduling: where the pods run.
    """

    name: DnsLabel = "ingress"
    replicas: Replicas = 2
    resources: Resources = Resources(cpu="100m", memory="96Mi", memory_limit="512Mi")
    service_type: Literal["LoadBalancer", "ClusterIP", "NodePort"] = "LoadBalancer"
    hosts: tuple[str, ...] = Field(default=("*",), min_length=1)
    tls_secret: DnsLabel | None = None
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
    def _redirected_to_something(self) -> Self:
        if self.plain_http == "redirect" and self.tls_secret is None:
            problem = Problem("plain_http", "redirects to HTTPS, which there is not", "set tls_secret, or serve it")
            raise InvalidSettingsError([problem])
        return self

    def binding(self, namespace: str) -> GatewayBinding:
        """What others have to know of it."""
        https = 443 if self.tls_secret else None
        return GatewayBinding(namespace=namespace, service=self.name, https_port=https, service_account=self.name)


@dataclass(frozen=True, kw_only=True)
class IngressGatewayArgs:
    """Arguments of an `IngressGateway`.

    Attributes:
        namespace: where its objects live; part of the mesh.
        mesh: that it belongs to.
        routes: where requests go.
        tracing: whose share of the requests begins a trace.
        certificate: what ``settings.tls_secret`` is made from: PEM, its own first, then what leads to its authority.
            Left out where the Secret exists.
        private_key: of the certificate; PEM, a secret output.
        settings: or a mapping that becomes one.
        open_paths: that need no token where ``settings.tokens`` is set; exact, or ending in ``*``.
    """

    namespace: pulumi.Input[str]
    mesh: MeshBinding
    routes: tuple[Route, ...]
    tracing: Tracing
    certificate: pulumi.Input[str] | None = None
    private_key: pulumi.Input[str] | None = None
    settings: IngressGatewaySettings = field(default_factory=IngressGatewaySettings)
    open_paths: tuple[str, ...] = ()


def gateway_manifests(args: IngressGatewayArgs, settings: IngressGatewaySettings) -> list[Manifest]:
    """All objects of a gateway, what others need first.

    Raises:
        InvalidSettingsError: a certificate without its key or without a name for their Secret.
    """
    workload = _workload(args, settings)
    selected, meta = workload.selector, workload.metadata()
    account, deployment, budget = render(workload)
    manifests = [
        account,
        *certificates.manifests(meta, settings.tls_secret, args.certificate, args.private_key),
        deployment,
        _service(meta, selected, settings),
        budget,
        ingress_telemetry(settings.name, args.namespace, selected, args.tracing),
        edge_hygiene(settings.name, args.namespace, selected, restart=settings.outside_context == "restart"),
        gateway_object(
            meta,
            selected,
            hosts=settings.hosts,
            http_port=HTTP_PORT,
            tls=_tls(settings),
            redirects=settings.plain_http == "redirect",
        ),
        virtual_service(
            meta,
            args.routes,
            hosts=settings.hosts,
            timeout=settings.timeout,
            retries=settings.retries,
            try_timeout=settings.try_timeout,
        ),
    ]
    if settings.tokens is not None:
        name = f"{settings.name}-tokens"
        manifests += token_manifests(settings.tokens, name, args.namespace, selected, args.open_paths)
    return manifests


_INJECT: Final = "sidecar.istio.io/inject"
_TEMPLATES: Final = "inject.istio.io/templates"
_CANONICAL_NAME: Final = "service.istio.io/canonical-name"


def _tls(settings: IngressGatewaySettings) -> tuple[int, str] | None:
    return (HTTPS_PORT, settings.tls_secret) if settings.tls_secret else None


def _workload(args: IngressGatewayArgs, settings: IngressGatewaySettings) -> Workload:
    ports = {"http": HTTP_PORT} | ({"https": HTTPS_PORT} if settings.tls_secret else {})
    ready = {"path": "/healthz/ready", "port": _READY_PORT}  # a number: the injector opens it
    proxy = Container(
        name="istio-proxy",
        image="auto",  # replaced by the injector
        further={
            # set here: for an image without a tag the API server would fill in "Always"
            "imagePullPolicy": "IfNotPresent",
            "ports": [{"name": name, "containerPort": number} for name, number in ports.items()],
            "resources": settings.resources.manifest(),
            "readinessProbe": {"httpGet": ready, "periodSeconds": 2, "failureThreshold": 4, "timeoutSeconds": 2},
        },
    )
    return Workload(
        name=settings.name,
        namespace=args.namespace,
        program="gateway",
        role=Role.GATEWAY,
        version=args.mesh.version,
        containers=(proxy,),
        shape=DeploymentShape(replicas=settings.replicas, disruption_budget=True),
        scheduling=settings.scheduling,
        uid=_PROXY_UID,
        pod_labels={
            Label.APP.value: settings.name,
            _CANONICAL_NAME: settings.name,
            _INJECT: "true",
            **args.mesh.pod_labels,
        },
        pod_annotations={_TEMPLATES: "gateway", **args.mesh.pod_annotations},
    )


def _service(meta: Mapping[str, Any], selected: Mapping[str, str], settings: IngressGatewaySettings) -> Manifest:
    """The Service on the ports that people expect; not waited for, since a load balancer may never come."""
    ports = [("http", 80, "http")] + ([("https", 443, "https")] if settings.tls_secret else [])
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**meta, "annotations": {Annotation.SKIP_AWAIT.value: "true"}},
        "spec": {
            "type": settings.service_type,
            "selector": dict(selected),
            "ports": [
                {"name": name, "port": port, "targetPort": name, "protocol": "TCP", "appProtocol": protocol}
                for name, port, protocol in ports
            ],
        },
    }


class IngressGateway(Component):
    """Proxies at the edge of the mesh, and where they lead.

    Attributes:
        url: of its plain HTTP port inside the cluster.

    Raises:
        InvalidSettingsError: the settings are wrong, or there is half a certificate.
    """

    TYPE: ClassVar[str] = "IngressGateway"

    url: pulumi.Output[str]

    def __init__(self, name: str, args: IngressGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(IngressGatewaySettings, args.settings)
        manifests = gateway_manifests(args, settings)
        super().__init__(name, opts)
        self.children(manifests)
        self.url = pulumi.Output.concat("http://", self.host(settings.name, args.namespace))
        self.register_outputs({"url": self.url})
