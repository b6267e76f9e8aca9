"""Recording of allow-listed request headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_telemetry import redact
from otel_mesh_telemetry.features import ReadOnly

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, MutableMapping

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

FORBIDDEN = frozenset(
    {
        "authorization",
        "cookie",
        "proxy-authorization",
        "set-cookie",
        "x-amz-security-token",
        "x-api-key",
        "x-auth-token",
        "x-csrf-token",
        "x-forwarded-client-cert",
    }
)
"""Headers with credentials. They cannot be recorded; nor can other headers whose name indicates a secret."""

_MAX_LENGTH = 256


class HeaderCapture(ReadOnly):
    """Server feature: ``http.request.header.<name>`` for the listed headers.

    Args:
        names: Names of the headers to record.

    Raises:
        ValueError: A name is in :data:`FORBIDDEN` or indicates a secret (``x-vault-token``).
    """

    def __init__(self, names: Collection[str]) -> None:
        self.headers = frozenset(name.lower() for name in names)
        if forbidden := ", ".join(sorted(filter(_carries_credentials, self.headers))):
            raise ValueError(
                f"headers {forbidden}: carry credentials, which are never recorded; remove them from the list"
            )

    def describe(
        self, carrier: Mapping[str, str], context: Context, attributes: MutableMapping[str, AttributeValue]
    ) -> None:
        """Add the headers present, as lists of one value, truncated to 256 characters."""
        del context
        for name in self.headers & carrier.keys():
            attributes[f"http.request.header.{name}"] = [redact.text(carrier[name])[:_MAX_LENGTH]]


def _carries_credentials(name: str) -> bool:
    return name in FORBIDDEN or redact.names_a_secret(name) or "auth" in name.split("-")
