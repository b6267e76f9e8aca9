"""Tokens (JWT) that a gateway accepts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.outputs import HttpsInput, OrOutput
from otel_mesh.core.values import Settings

if TYPE_CHECKING:
    from typing import Self

    import pulumi

_PUBLIC: Final = ("RSA", "EC", "OKP")
_NO_KEY_SET: Final = 'is not a JSON Web Key Set; write {"keys": [...]} as the issuer publishes it'


def _key_set(text: str) -> str:
    try:
        keys = json.loads(text)["keys"]
        kinds = [key["kty"] for key in keys]
    except (ValueError, TypeError, KeyError):
        raise ValueError(_NO_KEY_SET) from None
    if not keys:
        raise ValueError(_NO_KEY_SET)
    if any(kind not in _PUBLIC or "d" in key for kind, key in zip(kinds, keys, strict=True)):
        raise ValueError("contains a private or symmetric key; give public keys only")
    return text


if TYPE_CHECKING:
    KeySetInput = pulumi.Input[str]
    IssuerInput = pulumi.Input[str]
    AudienceInput = pulumi.Input[str]
else:
    KeySetInput = Annotated[str, AfterValidator(_key_set), OrOutput()]
    """A JSON Web Key Set of public keys (RFC 7517), or an Output of one."""
    IssuerInput = Annotated[str, Field(min_length=1, max_length=2048), OrOutput()]
    """Claim ``iss``, or an Output of one."""
    AudienceInput = Annotated[str, Field(min_length=1), OrOutput()]
    """Claim ``aud``, or an Output of one."""


class TokenSettings(Settings):
    """The tokens that a gateway accepts.

    A token with another issuer or audience, or an expired one, is refused on every path (401); a request without a
    token is refused on paths that need one (403). Tokens are not forwarded to services.

    Attributes:
        issuer: Issuer of the tokens, their claim ``iss``.
        audiences: Accepted audiences: a token's claim ``aud`` has to contain one of them.
        jwks_uri: HTTPS URL of the issuer's public keys. The control plane fetches them, not the gateway.
        jwks: The issuer's public keys as a JSON Web Key Set; exclusive with ``jwks_uri``.
    """

    issuer: IssuerInput
    audiences: tuple[AudienceInput, ...] = Field(min_length=1)
    jwks_uri: HttpsInput | None = None
    jwks: KeySetInput | None = None

    @model_validator(mode="after")
    def _keys_once(self) -> Self:
        if (self.jwks_uri is None) == (self.jwks is None):
            reason = "is not set, and neither is jwks" if self.jwks is None else "is set, and so is jwks"
            problem = Problem("jwks_uri", reason, "set one of the two")
            raise InvalidSettingsError([problem])
        return self
