"""The gateway where requests from outside enter the mesh.

Istio injects the proxy into a Deployment of ours, which is scaled, secured and rolled like every other workload. Routes
are Istio's own Gateway and VirtualService, because the Gateway API's standard channel has no retries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pulumi

from otel_mesh.core.errors import parse
from otel_mesh.core.labels import Annotation, Label, Role
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.containers import Container
from otel_mesh.k8s.render import render
from otel_mesh.k8s.workload import DeploymentShape, Workload
from otel_mesh.mesh.binding import MeshBinding  # noqa: TC001 - a component plugin reads it at run time
from otel_mesh.mesh.istio.certificates import secret_reader
from otel_mesh.mesh.istio.edge import strip_untrusted_headers
from otel_mesh.mesh.istio.policy import ingress_telemetry
from otel_mesh.mesh.istio.routes import gateway_object, virtual_services
from otel_mesh.mesh.istio.tokens import token_manifests
from otel_mesh.mesh.policies.certificates import certificate_secret
from otel_mesh.mesh.policies.ingress import HTTP_PORT, HTTPS_PORT, IngressGatewaySettings, Route
from otel_mesh.mesh.policies.team_routes import TeamRoute, require_distinct_routes
from otel_mesh.mesh.tracing import Tracing  # noqa: TC001 - a component plugin reads it at run time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.k8s.manifests import Manifest

_READY_PORT: Final = 15021
_PROXY_UID: Final = 1337


@dataclass(frozen=True, kw_only=True)
class IngressGatewayArgs:
    """Arguments of an `IngressGateway`.

    Attributes:
        namespace: Namespace of the Kubernetes objects; it has to belong to the mesh.
        mesh: Mesh that the gateway belongs to.
        routes: Services that requests are forwarded to.
        tracing: Sampling of the requests that enter here.
        certificate: Certificate chain in PEM, leaf first, from which the Secret ``settings.tls_secret`` is made. Not
            set if the Secret exists already.
        private_key: Private key of the certificate in PEM, a secret output.
        settings: Settings, or a mapping of their fields.
        open_paths: Paths that need no token if ``settings.tokens`` is set; exact, or ending in ``*``.
        team_routes: Places that services of teams' stacks may serve.
    """

    namespace: pulumi.Input[str]
    mesh: MeshBinding
    routes: tuple[Route, ...]
    tracing: Tracing
    certificate: pulumi.Input[str] | None = None
    private_key: pulumi.Input[str] | None = None
    settings: IngressGatewaySettings = field(default_factory=IngressGatewaySettings)
    open_paths: tuple[str, ...] = ()
    team_routes: tuple[TeamRoute, ...] = ()


def gateway_manifests(args: IngressGatewayArgs, settings: IngressGatewaySettings) -> list[Manifest]:
    """The Kubernetes objects of a gateway, dependencies first.

    Raises:
        InvalidSettingsError: The certificate has no key or no name of a Secret, or two routes clash.
    """
    own = {one.prefix: one.host if isinstance(one.host, str) else "an Output" for one in args.routes}
    require_distinct_routes(args.team_routes, own, settings.hosts)
    workload = _workload(args, settings)
    selected, meta = workload.selector, workload.metadata()
    account, deployment, budget = render(workload)
    manifests = [
        account,
        *certificate_secret(meta, settings.tls_secret, args.certificate, args.private_key),
        *(secret_reader(meta) if settings.tls_secret is not None else []),
        deployment,
        _service(meta, selected, settings),
        budget,
        ingress_telemetry(settings.name, args.namespace, selected, args.tracing),
        strip_untrusted_headers(settings.name, args.namespace, selected, restart=settings.outside_context == "restart"),
        gateway_object(
            meta,
            selected,
            hosts=settings.hosts,
            http_port=HTTP_PORT,
            tls=_tls(settings),
            redirects=settings.plain_http == "redirect",
        ),
        *virtual_services(
            meta,
            args.routes,
            hosts=settings.hosts,
            timeout=settings.timeout,
            retries=settings.retries,
            try_timeout=settings.try_timeout,
            team_routes=args.team_routes,
        ),
    ]
    if settings.tokens is not None:
        name = f"{settings.name}-tokens"
        manifests += token_manifests(settings.tokens, name, args.namespace, selected, args.open_paths)
    return manifests


_INJECT: Final = "sidecar.istio.io/inject"
_TEMPLATES: Final = "inject.istio.io/templates"
_CANONICAL_NAME: Final = "service.istio.io/canonical-name"


def _tls(settings: IngressGatewaySettings) -> tuple[int, pulumi.Input[str]] | None:
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
    """The Service on ports 80 and 443. Pulumi does not wait for it: a load balancer may never get an address."""
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
    """Proxies at the edge of the mesh, with their routes.

    Attributes:
        url: URL of the plain HTTP port inside the cluster.

    Raises:
        InvalidSettingsError: The settings are invalid, or the certificate has no key.
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
