"""The setting ``mesh`` of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import model_validator

from otel_mesh import (
    DnsLabel,
    IngressGatewaySettings,
    InvalidSettingsError,
    IstioSettings,
    MeshTracing,
    Problem,
    Settings,
    TeamRoute,
    require_distinct_routes,
)
from otel_mesh_stack.exposure import ExposedBackendsSettings  # noqa: TC001 - pydantic reads it at run time
from otel_mesh_stack.secret_files import FileName  # noqa: TC001 - pydantic reads it at run time
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from typing import Self


_SCHEDULED_PARTS: Final = {"none": (), "istio": ("istio.control_plane", "gateway")}


class MeshSettings(Settings):
    """The mesh of a stack.

    Attributes:
        kind: Mesh to install; ``none`` for no mesh.
        istio: Settings of the installation if ``kind`` is ``istio``.
        gateway: Settings of the gateway where requests from outside enter.
        gateway_namespace: Namespace of the gateway.
        gateway_certificate: Name, without the endings ``.crt`` and ``.key``, of two PEM files in OTEL_MESH_SECRETS_DIR
            from which the Secret ``gateway.tls_secret`` is made; None if the Secret exists already.
        team_routes: Places at the gateway that services of teams' stacks may serve.
        exposed_backends: Backends that are reached through the gateway with a token; None for none.
        tracing: Sampling and attributes of the proxies' spans.
        node_from_file: Whether to read the folders of the nodes' CNI plugins from the file OTEL_MESH_NODE_FILE.
    """

    kind: Literal["none", "istio"] = "none"
    istio: IstioSettings = IstioSettings()
    gateway: IngressGatewaySettings = IngressGatewaySettings()
    gateway_namespace: DnsLabel = "istio-ingress"
    gateway_certificate: FileName | None = None
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

    @property
    def installed(self) -> bool:
        """Whether the stack installs a mesh."""
        return self.kind != "none"

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Namespaces of the mesh's own parts, in the order of installation; the gateway's last."""
        own = {"none": (), "istio": (self.istio.cni.namespace, self.istio.namespace)}[self.kind]
        return (*own, self.gateway_namespace) if self.installed else ()

    @property
    def scheduled_parts(self) -> tuple[str, ...]:
        """Paths of the mesh's settings that have a ``scheduling``."""
        return _SCHEDULED_PARTS[self.kind]
