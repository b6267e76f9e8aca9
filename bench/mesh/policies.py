"""The policies that guard a namespace as they guard a stack's: declared calls are the only calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh import (
    Call,
    Catalog,
    Operation,
    Service,
    declared_access,
    declared_connections,
    dns_connections,
    mesh_connections,
    network_policies,
)
from otel_mesh.mesh.control.renderers import renderer
from tests.e2e.stack_binding import stack_binding

if TYPE_CHECKING:
    from collections.abc import Sequence

READ: Final = Operation(methods=("GET",), path="/")


def policies(namespace: str, port: int) -> Sequence[dict[str, Any]]:
    """Policies of the stack's mesh and NetworkPolicies: ``client`` may read the root of ``server``, and nothing else.

    Args:
        namespace: Namespace of both.
        port: Port of the server.
    """
    client = Service(name="client", port=port + 1, calls=(Call(service="server", routes=(READ,)),))
    catalog = Catalog(name="bench", services=(client, Service(name="server", port=port)))
    mesh = stack_binding()
    connections = (
        *declared_connections(catalog, namespace),
        *dns_connections([namespace]),
        *mesh_connections(mesh, [namespace]),
    )
    return [
        *renderer(mesh).access(declared_access(catalog, namespace), mesh, namespace, refuses_rest=True),
        *network_policies(namespace, connections, mesh.proxy_ports),
    ]
