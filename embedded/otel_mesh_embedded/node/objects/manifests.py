"""Objects of every cluster of ours: access rules, storage classes, DNS."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core import waiting
from otel_mesh_embedded.node import templates
from otel_mesh_embedded.node.network import policies
from otel_mesh_embedded.node.objects import coredns, storage
from otel_mesh_embedded.pki import credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_mesh_embedded.node.api import Api

_TIMEOUT_S = 15.0
_REMEDY = "run `otel-mesh up` again"


def build(*, coredns_image: str, name_servers: Sequence[str]) -> list[dict[str, Any]]:
    """All objects; arguments as of `coredns.manifests`."""
    return [
        *templates.objects("access.yaml", api_server=credentials.API_SERVER_TO_KUBELET.common_name),
        *storage.manifests(),
        *policies.manifests(),
        *coredns.manifests(coredns_image, name_servers),
    ]


def apply(api: Api, objects: Iterable[dict[str, Any]]) -> None:
    """Apply the objects; an API server that has just started may still be making the namespaces they are in.

    Raises:
        CommandError: the API server refuses an object.
    """
    for item in objects:
        name = f"{item['kind']} {item['metadata']['name']}"
        waiting.wait(partial(_applied, api, item), _TIMEOUT_S, partial("{}: not applied".format, name), _REMEDY)


def _applied(api: Api, item: dict[str, Any]) -> bool:
    api.apply(item)
    return True
