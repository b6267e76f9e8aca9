"""The interface of the components that install a mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pulumi

    from otel_mesh.mesh.binding import MeshBinding


class MeshInstaller(Protocol):
    """An installed mesh, as far as the rest of a program needs it.

    The binding is plain data and known at once, so that components of the same program can take it. Pulumi does not
    learn the order from it: what joins the mesh also depends on `component`::

        gateway = IngressGatewaySettings(tls_secret="gateway-certificate")
        mesh: MeshInstaller = Istio(
            "istio",
            IstioArgs(tracing=tracing, environment="production", gateway=gateway.binding("istio-ingress")),
        )
        joined = pulumi.ResourceOptions(depends_on=[mesh.component])
        ingress = Namespace(
            "ingress", NamespaceArgs(settings={"name": "istio-ingress"}, mesh=mesh.binding), joined
        )
        IngressGateway(
            "gateway",
            IngressGatewayArgs(
                namespace=ingress.namespace, mesh=mesh.binding, routes=routes, tracing=tracing, settings=gateway
            ),
            joined,
        )
        Microservice("users", MicroserviceArgs(..., mesh=mesh.binding), joined)

    Attributes:
        component: Component that is ready once workloads can join the mesh.
        binding: Binding of the mesh, with the gateway and the Collector given to the installer.
        namespaces: Namespaces that the mesh's own parts run in.
        chart_warnings: Differences between the charts in use and the settings, one sentence each.
    """

    @property
    def component(self) -> pulumi.Resource: ...  # noqa: D102 - described above

    @property
    def binding(self) -> MeshBinding: ...  # noqa: D102 - described above

    @property
    def namespaces(self) -> tuple[str, ...]: ...  # noqa: D102 - described above

    @property
    def chart_warnings(self) -> tuple[str, ...]: ...  # noqa: D102 - described above
