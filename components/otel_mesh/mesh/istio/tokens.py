"""Validation of tokens (JWT) at a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.kinds import AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.istio.policy_types import AccessRule, Selector, TokenRule
    from otel_mesh.mesh.policies.tokens import TokenSettings


def request_authentication(settings: TokenSettings, meta: Mapping[str, Any], selector: Selector) -> Manifest:
    """The RequestAuthentication that makes proxies validate tokens; it lets requests without one pass.

    Args:
        settings: Accepted tokens.
        meta: Metadata of the object.
        selector: Selector of the proxies' pods.
    """
    rule: TokenRule = {"issuer": settings.issuer, "audiences": list(settings.audiences)}
    if settings.jwks is not None:
        rule["jwks"] = settings.jwks
    if settings.jwks_uri is not None:
        rule["jwksUri"] = settings.jwks_uri
    return REQUEST_AUTHENTICATION.manifest(meta, {"selector": selector, "jwtRules": [rule]})


def token_manifests(
    settings: TokenSettings,
    name: str,
    namespace: pulumi.Input[str],
    selected: Mapping[str, str],
    open_paths: Sequence[str],
) -> list[Manifest]:
    """The objects that make proxies validate tokens and refuse requests without one.

    Args:
        settings: Accepted tokens.
        name: Name of both objects.
        namespace: Namespace of the proxies.
        selected: Labels of the proxies' pods.
        open_paths: Paths that need no token; exact, or ending in ``*``. All other paths need one, so that an unusual
            spelling of a path is not open by accident.
    """
    meta = mesh_metadata(name, namespace)
    rule: AccessRule = {"from": [{"source": {"notRequestPrincipals": ["*"]}}]}
    if open_paths:
        rule["to"] = [{"operation": {"notPaths": list(open_paths)}}]
    selector: Selector = {"matchLabels": dict(selected)}
    return [
        request_authentication(settings, meta, selector),
        AUTHORIZATION_POLICY.manifest(meta, {"selector": selector, "action": "DENY", "rules": [rule]}),
    ]
