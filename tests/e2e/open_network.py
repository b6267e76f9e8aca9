"""NetworkPolicies out of the way for a while: an added policy allows everything, and nothing is taken away."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.stacks import local_stack
from tests.e2e.cluster_objects import as_list
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_GATEWAYS: Final = [place for place in (local_stack.settings().mesh.gateway_place,) if place is not None]
NAMESPACES: Final = ("shop", "observability", *_GATEWAYS)
_NAME: Final = "e2e-everything"
_PATIENCE_S: Final = 180.0


def every_connection(metadata: Mapping[str, str], labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """NetworkPolicy that allows every connection of pods at their own end.

    Args:
        metadata: Name and namespace.
        labels: Labels of the pods; None for every pod of the namespace.
    """
    selected = {"matchLabels": dict(labels)} if labels else {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": dict(metadata),
        "spec": {"podSelector": selected, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]},
    }


@contextmanager
def open_network(kubectl: Callable[..., str], is_open: Callable[[], bool]) -> Iterator[None]:
    """Allow every connection; the stack's own policies are in force again at the end.

    Args:
        kubectl: Fixture of that name.
        is_open: Whether an undeclared connection is accepted; waited for, as the node takes a moment.
    """
    items = [every_connection({"name": _NAME, "namespace": namespace}) for namespace in NAMESPACES]
    text = as_list(items)
    try:
        kubectl("apply", "-f", "-", input=text)
        wait_for(is_open, lambda: "not open", patience_s=_PATIENCE_S, every_s=0.5)
        yield
    finally:
        kubectl("delete", "--ignore-not-found", "-f", "-", input=text)
    wait_for(lambda: not is_open(), lambda: "not closed again", patience_s=_PATIENCE_S, every_s=0.5)
