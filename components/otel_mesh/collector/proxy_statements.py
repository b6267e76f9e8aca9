"""Statements of the Collector's transform processor that the spans of every mesh's proxies need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PROXY: Final = "otel_mesh.proxy"
"""Attribute of proxies' spans: ``gateway`` or ``sidecar``. Spans of services do not have it."""

RESPONSE_FLAGS: Final = "otel_mesh.proxy.response_flags"
"""Attribute with Envoy's reason for a failure or a response of its own, e.g. ``UH`` or ``FI``; else absent."""

SERVER: Final = "span.kind == SPAN_KIND_SERVER"
CLIENT: Final = "span.kind == SPAN_KIND_CLIENT"
_STATUS: Final = 'span.attributes["http.response.status_code"]'
_METHOD: Final = 'span.attributes["http.request.method"]'


@dataclass(frozen=True)
class ProxyStatements:
    """Statements about the spans of one kind of proxy.

    Attributes:
        spans: Condition that is true for the proxy's spans and for no others.
    """

    spans: str

    def where(self, statement: str, *conditions: str) -> str:
        """A statement about the proxy's spans.

        Args:
            statement: Call of an editor function.
            conditions: Further conditions.
        """
        return f"{statement} where {' and '.join((self.spans, *conditions))}"

    def renamed(self, old: str, new: str, convert: str = "{}") -> str:
        """A statement that copies an attribute, where it exists.

        Args:
            old: Name of the attribute in the proxy's spans.
            new: Name in the semantic conventions.
            convert: Converter function around the value, e.g. ``Int({})``.
        """
        source = f'span.attributes["{old}"]'
        return self.where(f'set(span.attributes["{new}"], {convert.format(source)})', f"{source} != nil")

    def outcome(self) -> tuple[str, ...]:
        """Span status and ``error.type``, from the HTTP status as a number."""
        return (
            self.where("set(span.status.code, STATUS_CODE_UNSET)"),
            self.where("set(span.status.code, STATUS_CODE_ERROR)", f"{_STATUS} >= 500"),
            self.where("set(span.status.code, STATUS_CODE_ERROR)", CLIENT, f"{_STATUS} >= 400"),
            self.where(
                f'set(span.attributes["error.type"], String({_STATUS}))', "span.status.code == STATUS_CODE_ERROR"
            ),
        )

    def rpc_method(self) -> str:
        """A statement that leaves ``package.Service/Method`` of a path in ``rpc.method``."""
        return self.where(
            'replace_pattern(span.attributes["rpc.method"], "^/", "")', 'span.attributes["rpc.method"] != nil'
        )

    def name(self) -> tuple[str, ...]:
        """Span name: a proxy does not know the route; the conventions then name a span by its method."""
        return (
            self.where(f"set(span.name, {_METHOD})", f"{_METHOD} != nil"),
            self.where('set(span.name, "HTTP")', f"{_METHOD} == nil"),
        )
