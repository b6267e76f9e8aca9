"""The objects of a stack as a cluster has them, read with the user's kubeconfig. Contents of Secrets are not read."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx

from otel_mesh_cli.core.errors import CommandError, reason_of
from otel_mesh_cli.drift import ownership
from otel_mesh_cli.drift.projection import reduced, seen
from otel_mesh_cli.oncall.api_server import api_server
from otel_mesh_cli.review.objects import key
from otel_mesh_cli.stacks.drift import collection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_mesh_cli.review.objects import Key, Manifest

_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_POLICIES: Final[Mapping[str, tuple[str, ...]]] = {
    "networking.k8s.io/v1": ("NetworkPolicy",),
    "networking.istio.io/v1": ("DestinationRule", "Gateway", "ServiceEntry", "Sidecar", "VirtualService"),
    "networking.istio.io/v1alpha3": ("EnvoyFilter",),
    "security.istio.io/v1": ("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"),
    "telemetry.istio.io/v1": ("Telemetry",),
    "gateway.networking.k8s.io/v1": ("GRPCRoute", "HTTPRoute"),
    "policy.linkerd.io/v1alpha1": (
        "AuthorizationPolicy",
        "EgressNetwork",
        "MeshTLSAuthentication",
        "NetworkAuthentication",
    ),
    "policy.linkerd.io/v1beta3": ("HTTPRoute", "Server"),
}
"""Kinds that change what others do, by API version: an object that is not declared is a difference too."""


def live(declared: Iterable[Manifest], context: str) -> tuple[tuple[Manifest, ...], tuple[str, ...]]:
    """What the cluster has of declared objects, and policies beside them in the same namespaces.

    Args:
        declared: Objects of the stack.
        context: Context of the kubeconfig.

    Returns:
        The objects, and kinds of policies that this user may not list.

    Raises:
        CommandError: The cluster does not answer, or the user may not list a declared kind.
    """
    objects = {key(one): one for one in declared}
    found: dict[Key, Manifest] = {}
    denied: set[str] = set()
    with api_server(context) as server:
        for place, is_declared in sorted(_places(objects).items()):
            listed = _listed(server.http, context, place)
            if listed is None and is_declared:
                raise CommandError(f"context {context}: this user may not list {place}", remedy=_remedy(context, place))
            if listed is None:
                denied.add(place.kind)
            for item in listed or ():
                one = {**item, "apiVersion": place.version, "kind": place.kind}
                which = key(one)
                if which in objects:
                    found[which] = _beside(objects[which], one)
                elif place.is_policy and not one["metadata"].get("ownerReferences"):
                    found[which] = reduced(one)
    return tuple(found[which] for which in sorted(found)), tuple(sorted(denied))


class _Place(NamedTuple):
    """A list of the API."""

    version: str
    kind: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.kind}s of {self.namespace}" if self.namespace else f"{self.kind}s"

    @property
    def is_policy(self) -> bool:
        return self.kind in _POLICIES.get(self.version, ())


def _places(objects: Mapping[Key, Manifest]) -> dict[_Place, bool]:
    """The lists to ask for, and whether each has declared objects."""
    namespaces = {which.name for which in objects if which.kind == "Namespace"}
    namespaces |= {which.namespace for which in objects if which.namespace}
    policies = {
        _Place(version, kind, namespace): False
        for version, kinds in _POLICIES.items()
        for kind in kinds
        for namespace in namespaces
    }
    return policies | {
        _Place(str(one["apiVersion"]), which.kind, which.namespace): True for which, one in objects.items()
    }


def _beside(declared: Manifest, one: Manifest) -> Manifest:
    wanted = reduced(declared)
    found: Manifest = seen(wanted, reduced(one), ownership.declared(one), ownership.maintained(one))
    return found


def _remedy(context: str, place: _Place) -> str:
    where = f" -n {place.namespace}" if place.namespace else ""
    return f"make `kubectl --context {context} get {place.kind}{where}` work"


def _listed(http: httpx.Client, context: str, place: _Place) -> Iterable[dict[str, Any]] | None:
    """The objects at a place; None if this user may not list them."""
    path = collection(place.version, place.kind)
    if place.namespace:
        base, plural = path.rsplit("/", 1)
        path = f"{base}/namespaces/{place.namespace}/{plural}"
    try:
        answer = http.get(path, headers={"accept": _METADATA_ONLY} if place.kind == "Secret" else {})
    except httpx.HTTPError as error:
        raise CommandError(f"context {context}: {reason_of(error)}", remedy=_remedy(context, place)) from None
    if answer.status_code == HTTPStatus.FORBIDDEN:
        return None
    if answer.status_code == HTTPStatus.NOT_FOUND:  # the definition of the kind is gone, and its objects with it
        return ()
    if not answer.is_success:
        reason = f"the API server answers {answer.status_code} to {path}"
        raise CommandError(f"context {context}: {reason}", remedy=_remedy(context, place))
    found: list[dict[str, Any]] = answer.json().get("items") or []
    return found
