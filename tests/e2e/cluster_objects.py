"""Objects of the cluster, as tests read and write them by kubectl."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def as_list(objects: Iterable[Mapping[str, Any]]) -> str:
    """Objects as the text of a List, for `kubectl apply` and `kubectl delete`."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def get(kubectl: Callable[..., str], *words: str) -> list[dict[str, Any]]:
    """Objects that `kubectl get` lists.

    Args:
        kubectl: Fixture of that name.
        words: Kind, and whatever else selects the objects.
    """
    items: list[dict[str, Any]] = json.loads(kubectl("get", *words, "-o", "json"))["items"]
    return items


def python_in(kubectl: Callable[..., str], deployment: str, code: str) -> str:
    """Output of Python in a service's container, whose calls go through the pod's proxy.

    Args:
        kubectl: Fixture of that name.
        deployment: The service's, such as ``deploy/api-gateway``.
        code: Program.
    """
    service = deployment.rpartition("/")[2]
    return kubectl("-n", "shop", "exec", deployment, "-c", service, "--", "python", "-c", code)
