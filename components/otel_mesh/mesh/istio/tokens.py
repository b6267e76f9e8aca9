"""Tokens (JWT) that callers have to show at a gateway."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.labels import Role, recommended
from otel_mesh.core.values import HttpsAddress, Settings
from otel_mesh.k8s.manifests import Manifest, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    import pulumi

_API: Final = "security.istio.io/v1"
_PUBLIC: Final = ("RSA", "EC", "OKP")


def _key_set(text: str) -> str:
    try:
        keys = json.loads(text)["keys"]
        kinds = [key["kty"] for key in keys]
    except (ValueError, TypeError, KeyError):
        raise ValueError('is no JSON Web Key Set; write {"keys": [...]} as the issuer publishes it') from None
    if not keys:
        raise ValueError('is no JSON Web Key Set; write {"keys": [...]} as the issuer publishes it')
    if any(kind not in _PUBLIC or "d" in key for kind, key in zip(kinds, keys, strict=True)):
        raise ValueError("holds a key that is secret; leave it to the issuer and give public keys only")
    return text


KeySet = Annotated[str, AfterValidator(_key_set)]
"""A JSON Web Key Set of public keys (RFC 7517)."""


class TokenSettings(Settings):
    """Whose tokens a gateway takes.

    A token that is not the issuer's, has ended or is for somebody else is refused on every path (401), a request
    without one where it needs one (403). What is behind the gateway does not get to see tokens.

    Attributes:
        issuer: who signs them, their claim ``iss``.
        audiences: whom they are for: one of these is among their claim ``aud``.
        jwks_uri: where the issuer publishes its keys. The control plane asks there, not the gateway.
        jwks: these keys themselves as a JSON Web Key Set, instead.
    """

    issuer: Annotated[str, Field(min_length=1, max_length=2048)]
    audiences: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1)
    jwks_uri: HttpsAddress | None = None
    jwks: KeySet | None = None

    @model_validator(mode="after")
    def _keys_once(self) -> Self:
        if (self.jwks_uri is None) == (self.jwks is None):
            given = "neither is" if self.jwks is None else "both are"
            problem = Problem("jwks_uri", f"the issuer's keys: {given} given", "set either jwks_uri or jwks")
            raise InvalidSettingsError([problem])
        return self


def token_manifests(
    settings: TokenSettings,
    name: str,
    namespace: pulumi.Input[str],
    selected: Mapping[str, str],
    open_paths: Sequence[str],
) -> list[Manifest]:
    """What has proxies check tokens, and refuse requests without one.

    Args:
        settings: whose tokens are taken.
        name: of both objects.
        namespace: of the proxies.
        selected: labels of their pods.
        open_paths: that need no token; exact, or ending in ``*``. All others do: a path that is spelled in a way nobody
            thought of is not open.
    """
    meta = metadata(name, recommended("istio", name, Role.MESH), namespace=namespace)
    keys = {"jwks": settings.jwks} if settings.jwks is not None else {"jwksUri": settings.jwks_uri}
    rule: dict[str, Any] = {"from": [{"source": {"notRequestPrincipals": ["*"]}}]}
    if open_paths:
        rule["to"] = [{"operation": {"notPaths": list(open_paths)}}]
    selector = {"matchLabels": dict(selected)}
    return [
        {
            "apiVersion": _API,
            "kind": "RequestAuthentication",
            "metadata": meta,
            "spec": {
                "selector": selector,
                "jwtRules": [{"issuer": settings.issuer, "audiences": list(settings.audiences), **keys}],
            },
        },
        {
            "apiVersion": _API,
            "kind": "AuthorizationPolicy",
            "metadata": meta,
            "spec": {"selector": selector, "action": "DENY", "rules": [rule]},
        },
    ]
