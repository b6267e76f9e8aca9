"""NetworkPolicies out of the way for a while: an added policy allows everything, and nothing is taken away."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMESPACES: Final = ("shop", "observability", "istio-ingress")
_NAME: Final = "e2e-everything"
_PATIENCE_S: Final = 60.0


@contextmanager
def open_network(kubectl: Callable[..., str], is_open: Callable[[], bool]) -> Iterator[None]:
    """Allow every connection; the stack's own policies are in force again at the end.

    Args:
        kubectl: Fixture of that name.
        is_open: Whether an undeclared connection is accepted; waited for, as the node takes a moment.
    """
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]}
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    items = [{**kind, "metadata": {"name": _NAME, "namespace": namespace}, "spec": spec} for namespace in NAMESPACES]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    try:
        kubectl("apply", "-f", "-", input=text)
        until(is_open, "not open")
        yield
    finally:
        kubectl("delete", "--ignore-not-found", "-f", "-", input=text)
    until(lambda: not is_open(), "not closed again")


def until(holds: Callable[[], bool], complaint: str) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: It did not within a minute.
    """
    end = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < end, complaint
        time.sleep(0.5)
