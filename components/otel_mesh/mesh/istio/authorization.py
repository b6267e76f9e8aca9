"""What Istio's objects of this library share: their metadata, and AuthorizationPolicies of exact principals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_mesh.core.labels import Role, recommended
from otel_mesh.k8s.manifests import Manifest, metadata
from otel_mesh.mesh.istio.kinds import AUTHORIZATION_POLICY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pulumi

    from otel_mesh.mesh.istio.policy_types import AccessRule, AuthorizationPolicySpec, Operation


def mesh_metadata(name: str, namespace: pulumi.Input[str]) -> dict[str, Any]:
    """Metadata of an object that configures the mesh.

    Args:
        name: Name of the object.
        namespace: Namespace of the object.
    """
    return metadata(name, recommended("istio", name, Role.MESH), namespace=namespace)


def authorization_policy(name: str, namespace: pulumi.Input[str], spec: AuthorizationPolicySpec) -> Manifest:
    """An AuthorizationPolicy.

    Args:
        name: Name of the object.
        namespace: Namespace of the workloads.
        spec: Its ``spec``; an empty one allows nothing in the namespace.
    """
    return AUTHORIZATION_POLICY.manifest(mesh_metadata(name, namespace), spec)


def allow(selected: Mapping[str, str], rules: list[AccessRule]) -> AuthorizationPolicySpec:
    """The ``spec`` of a policy that allows what its rules say and refuses the rest.

    Args:
        selected: Labels of the pods.
        rules: Rules, made by `rule`.
    """
    return {"selector": {"matchLabels": dict(selected)}, "action": "ALLOW", "rules": rules}


def rule(identities: Iterable[str], operations: Iterable[Operation]) -> AccessRule:
    """A rule for callers with exactly these identities.

    Istio up to 1.27 matched suffixes unescaped (istio/istio#59992), hence no patterns.

    Args:
        identities: SPIFFE identities (``spiffe://...``) of the callers.
        operations: Operations that they may do.
    """
    principals = [one.removeprefix("spiffe://") for one in identities]
    return {
        "from": [{"source": {"principals": principals}}],
        "to": [{"operation": one} for one in operations],
    }
