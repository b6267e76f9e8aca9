"""Tokens (JWT) of an issuer that exists in the tests only."""

from __future__ import annotations

import base64
import json
import time
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ISSUER: Final = "https://issuer.example"
KEY: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def key_set() -> str:
    """The issuer's public key as a JSON Web Key Set."""
    numbers = KEY.public_key().public_numbers()
    modulus = numbers.n.to_bytes(256)
    return json.dumps({"keys": [{"kty": "RSA", "kid": "1", "n": _encoded(modulus), "e": "AQAB", "alg": "RS256"}]})


def token(audience: object, key: rsa.RSAPrivateKey = KEY, **changes: Any) -> dict[str, str]:  # noqa: ANN401 -- claims
    """The authorization header of a request with a token."""
    claims = {"iss": ISSUER, "aud": audience, "sub": "123", "exp": int(time.time()) + 600, **changes}
    parts = [{"alg": "RS256", "kid": "1", "typ": "JWT"}, claims]
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return {"authorization": f"Bearer {signed}.{_encoded(signature)}"}
