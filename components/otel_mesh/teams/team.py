"""A team's namespace on a platform, and its services there: what `deploy` of the platform's program is to its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from otel_mesh.catalog.derivations import url, url_variable
from otel_mesh.core.errors import InvalidSettingsError, Problem, nearest
from otel_mesh.k8s.namespace import Namespace, NamespaceArgs, NamespaceSettings
from otel_mesh.k8s.shared_files import ContributedFiles, ContributedFilesArgs
from otel_mesh.mesh.control.access_control import AccessControl, AccessControlArgs
from otel_mesh.mesh.control.gateway_route import GatewayRoute, GatewayRouteArgs
from otel_mesh.mesh.control.telemetry_access import TelemetrySenders, TelemetrySendersArgs
from otel_mesh.mesh.policies.access import Access, Caller, allowed, grants
from otel_mesh.services.microservice import Microservice
from otel_mesh.services.microservice_settings import MicroserviceArgs, MicroserviceSettings, ServiceRuntime
from otel_mesh.teams.monitoring import monitoring as monitoring_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from otel_mesh.backends.prometheus.objectives import Objectives
    from otel_mesh.catalog.model import Service
    from otel_mesh.teams.platform import Platform


class Team:
    """A namespace of a team in the platform's mesh, where nothing may be called that is not declared.

    Args:
        namespace: Name of the namespace, which the team's stack creates.
        platform: Platform that the team's services join.
        opts: Options of all resources, such as the provider.

    Attributes:
        namespace: Name of the namespace, known once it exists.
    """

    namespace: pulumi.Output[str]

    def __init__(self, namespace: str, platform: Platform, opts: pulumi.ResourceOptions | None = None) -> None:
        self._name, self._platform = namespace, platform
        self._opts = opts or pulumi.ResourceOptions()
        self._urls: dict[str, str] = {}
        self._callers: dict[str, frozenset[Caller]] = {}
        settings = NamespaceSettings(name=namespace)
        self.namespace = Namespace(namespace, NamespaceArgs(settings=settings, mesh=platform.mesh), opts).namespace
        if self._in_a_mesh:
            rest = AccessControlArgs(namespace=self.namespace, accesses=(), mesh=platform.mesh)
            AccessControl(f"{namespace}-access", rest, opts)

    def service(  # noqa: PLR0913 - one keyword for each thing that a service may have
        self,
        service: Service,
        *,
        image: pulumi.Input[str],
        exposed_at: str | None = None,
        strip_prefix: bool = False,
        callers: Sequence[Caller] = (),
        monitoring: Path | None = None,
        objectives: Objectives | None = None,
        runtime: ServiceRuntime | None = None,
        variables: Mapping[str, pulumi.Input[str]] | None = None,
    ) -> Microservice:
        """Runs a service: in the mesh, with telemetry, and with the calls and the route that the platform grants.

        Args:
            service: The service. Its ``calls`` name services of the platform, or earlier ones of this team.
            image: Container image.
            exposed_at: Place at the platform's gateway: ``/reviews``, or a host and a path such as
                ``reviews.example.com/``. None if the service is not reachable from outside. A platform without a mesh
                has no gateway, and exposes services by their own Service objects.
            strip_prefix: Whether the service gets the paths without the prefix of ``exposed_at``.
            callers: Workloads that may call the service, of this namespace or another, besides the gateway;
                `AllowedCaller` for one that may send some requests only.
            monitoring: Folder with rule files (``*.rules.yaml``) and dashboards (``*.json``) for the platform's
                Prometheus and Grafana.
            objectives: Service level objectives.
            runtime: Replicas, resources and other settings of the pods.
            variables: Further environment variables.

        Raises:
            pulumi.RunError: The platform does not grant a call or the route; nothing of the service is registered.
            InvalidSettingsError: A setting or a file is invalid.
        """
        self._require_granted(service, exposed_at)
        service = service.model_copy(update={"exposed": exposed_at is not None})
        grants, platform = self._platform.grants, self._platform
        files = monitoring_files(
            service, namespace=self._name, platform=platform.catalog.name, folder=monitoring, objectives=objectives
        )
        plain = runtime or ServiceRuntime()
        settings = MicroserviceSettings(
            service=service,
            service_namespace=platform.catalog.name,
            environment=grants.environment,
            **{name: getattr(plain, name) for name in plain.model_fields_set},
        )
        args = MicroserviceArgs(
            namespace=self.namespace,
            image=image,
            otlp_endpoint=platform.otlp_endpoint,
            mesh=platform.mesh,
            settings=settings,
            callees={url_variable(name): self._urls.get(name) or platform.url(name) for name in service.callees},
            variables=dict(variables or {}),
        )
        self._urls[service.name] = url(service, self._name)
        self._callers[service.name] = frozenset(allowed(one).identity for one in callers)
        made = Microservice(service.name, args, self._opts)
        if self._in_a_mesh:
            self._join(service, callers, exposed_at, strip_prefix=strip_prefix)
        for kind, config_map, texts in (
            ("rules", grants.rules, files.rules),
            ("dashboards", grants.dashboards, files.dashboards),
        ):
            if texts:
                shared = ContributedFilesArgs(namespace=grants.observability, config_map=config_map, files=dict(texts))
                ContributedFiles(f"{service.name}-{kind}", shared, self._opts)
        return made

    @property
    def _in_a_mesh(self) -> bool:
        return bool(self._platform.mesh.trust_domain)

    def _join(self, service: Service, callers: Sequence[Caller], exposed_at: str | None, *, strip_prefix: bool) -> None:
        mesh, accepted = self._platform.mesh, list(callers)
        granted = next((one for one in self._platform.grants.routes if one.place == exposed_at), None)
        if granted is not None and mesh.gateway is not None:
            accepted.append(Caller(namespace=mesh.gateway.namespace, service_account=mesh.gateway.service_account))
            route = GatewayRouteArgs(
                namespace=self.namespace,
                service=service.name,
                port=service.port,
                mesh=mesh,
                strip_prefix=strip_prefix,
                host=granted.host,
                path_prefix=granted.path_prefix,
            )
            GatewayRoute(service.name, route, self._opts)
        if accepted:
            grpc = service.protocol == "grpc"
            access = Access(workload=service.name, port=service.port, grpc=grpc, grants=grants(accepted))
            args = AccessControlArgs(namespace=self.namespace, accesses=(access,), mesh=mesh, refuses_rest=False)
            AccessControl(service.name, args, self._opts)
        senders = TelemetrySendersArgs(mesh=mesh, senders=(self._caller(service.name),))
        TelemetrySenders(f"{self._name}-{service.name}", senders, self._opts)

    def _caller(self, service: str) -> Caller:
        return Caller(namespace=self._name, service_account=service)

    def _require_granted(self, service: Service, exposed_at: str | None) -> None:
        routed = [
            Problem(f"calls[{place}].routes", "the callee decides what it accepts", "name them in its 'callers'")
            for place, call in enumerate(service.calls)
            if call.routes
        ]
        if routed:
            raise InvalidSettingsError(routed)
        problems = [problem for name in service.callees for problem in self._refused_call(service.name, name)]
        if exposed_at is not None:
            problems += self._refused_route(service.name, exposed_at)
        if problems:
            raise self._platform.refusal(problems)

    def _refused_call(self, caller: str, callee: str) -> list[Problem]:
        platform, me = self._platform, self._caller(caller)
        if callee in self._callers:
            if me in self._callers[callee]:
                return []
            return [Problem(f"{callee}.callers", f"'{callee}' does not accept '{caller}'", "add the caller to it")]
        if callee not in platform.service_urls:
            return [Problem("service_urls", f"has no '{callee}'", nearest(callee, platform.service_urls))]
        if not self._in_a_mesh or me in platform.grants.callers.get(callee, ()):
            return []
        reason = f"'{callee}' does not accept '{caller}' of namespace '{self._name}'"
        grant = f"{{namespace: {self._name}, service_account: {caller}}}"
        return [Problem(f"services.{callee}.callers", reason, f"have the platform's owner add {grant} to it")]

    def _refused_route(self, service: str, place: str) -> list[Problem]:
        platform = self._platform
        if not self._in_a_mesh:  # exposed by its own Service, like the platform's exposed services
            return []
        if platform.mesh.gateway is None:
            return [Problem("mesh.gateway", "the platform has no gateway", f"expose '{service}' by other means")]
        granted = {route.place: route for route in platform.grants.routes}
        own = {one.path_prefix: one.name for one in platform.catalog.services if one.exposed}
        path = "mesh.team_routes"
        if place in own:
            return [Problem(path, f"'{place}' is the route of the platform's '{own[place]}'", "choose another place")]
        route = granted.get(place)
        if route is None:
            grant = f"{{namespace: {self._name}, service: {service}, path_prefix: {place}}}"
            reason = f"'{place}' is not granted to '{service}' of namespace '{self._name}'"
            return [Problem(path, reason, f"have the platform's owner add {grant} to it")]
        if (route.namespace, route.service) != (self._name, service):
            reason = f"'{place}' is granted to '{route.service}' of namespace '{route.namespace}'"
            return [Problem(path, reason, "choose another place")]
        return []
