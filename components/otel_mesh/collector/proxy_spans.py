"""Translates Envoy's spans to OpenTelemetry's semantic conventions.

Envoy's span names and attributes are older than the conventions for HTTP
(https://opentelemetry.io/docs/specs/semconv/http/http-spans/). After the translation one query finds the spans of a
service and of its proxy; the attribute `PROXY` distinguishes them.
"""

from __future__ import annotations

import json
from typing import Final

from otel_mesh.collector.pipelines import Processor, Stage

PROXY: Final = "otel_mesh.proxy"
"""Attribute of proxies' spans: ``gateway`` or ``sidecar``. Spans of services do not have it."""

RESPONSE_FLAGS: Final = "otel_mesh.proxy.response_flags"
"""Attribute with Envoy's reason for a failure or a response of its own, e.g. ``UH`` or ``FI``; else absent."""

_IS_ENVOY: Final = 'span.attributes["component"] == "proxy"'

_LEGACY: Final = (
    r"^(http\.(url|method|status_code|protocol)|component|node_id|zone|guid:x-request-id|user_agent"
    r"|request_size|response_size|response_flags|downstream_cluster|upstream_cluster.*|upstream_address"
    r"|peer\.address|upstream_host|error|grpc\.(status_code|message|path|authority|content_type|timeout)"
    r"|istio\.(canonical_service|canonical_revision|cluster_id|mesh_id|namespace))$"
)
"""Attributes to remove after the translation: translated ones, and those that repeat the resource."""


_SERVER: Final = "span.kind == SPAN_KIND_SERVER"
_CLIENT: Final = "span.kind == SPAN_KIND_CLIENT"
_URL: Final = 'span.attributes["http.url"]'
_STATUS: Final = 'span.attributes["http.response.status_code"]'
_VERSION: Final = 'span.attributes["network.protocol.version"]'
_UPSTREAM: Final = 'span.attributes["upstream_cluster"]'


def _where(statement: str, *conditions: str) -> str:
    return f"{statement} where {' and '.join((_IS_ENVOY, *conditions))}"


def _renamed(old: str, new: str, convert: str = "{}") -> str:
    source = f'span.attributes["{old}"]'
    return _where(f'set(span.attributes["{new}"], {convert.format(source)})', f"{source} != nil")


def _from_url(part: str, new: str, condition: str) -> str:
    return _where(f'set(span.attributes["{new}"], URL({_URL})["{part}"])', f"{_URL} != nil", condition)


_IDENTITY: Final = (
    _where(
        'set(resource.attributes["service.version"], span.attributes["istio.canonical_revision"])',
        'span.attributes["istio.canonical_revision"] != nil',
    ),
    # the pod, with its proxy, is one instance of its service
    _where(
        'set(resource.attributes["service.instance.id"], resource.attributes["k8s.pod.uid"])',
        'resource.attributes["k8s.pod.uid"] != nil',
    ),
    # a gateway's client span has no node_id; sidecars make no such spans
    _where(f'set(span.attributes["{PROXY}"], "gateway")'),
    _where(f'set(span.attributes["{PROXY}"], "sidecar")', 'IsMatch(span.attributes["node_id"], "^sidecar~")'),
)
_REQUEST: Final = (
    _renamed("http.method", "http.request.method"),
    _renamed("http.status_code", "http.response.status_code", "Int({})"),
    _renamed("http.protocol", "network.protocol.version"),
    _where(f'replace_pattern({_VERSION}, "^HTTP/", "")', f"{_VERSION} != nil"),
    _renamed("user_agent", "user_agent.original"),
    _renamed("request_size", "http.request.body.size", "Int({})"),
    _renamed("response_size", "http.response.body.size", "Int({})"),
    _renamed("guid:x-request-id", "otel_mesh.request.id"),
    # without the query, which may hold personal data
    _from_url("url.scheme", "url.scheme", _SERVER),
    _from_url("url.path", "url.path", _SERVER),
    _from_url("url.domain", "server.address", _SERVER),
    _where(
        f'set(span.attributes["url.full"], Concat([URL({_URL})["url.scheme"], "://", URL({_URL})["url.domain"], '
        f'URL({_URL})["url.path"]], ""))',
        f"{_URL} != nil",
        _CLIENT,
    ),
    _where(
        f'merge_maps(span.attributes, ExtractPatterns({_UPSTREAM}, "^outbound\\\\|[0-9]+\\\\|[^|]*\\\\|'
        '(?P<upstream_host>[^|]+)$"), "upsert")',
        f"{_UPSTREAM} != nil",
        _CLIENT,
    ),
    _renamed("upstream_host", "server.address"),
)
_OUTCOME: Final = (
    _where(
        f'set(span.attributes["{RESPONSE_FLAGS}"], span.attributes["response_flags"])',
        'span.attributes["response_flags"] != "-"',
    ),
    # 0: the client disconnected before the response
    _where('delete_key(span.attributes, "http.response.status_code")', f"{_STATUS} == 0"),
    _where("set(span.status.code, STATUS_CODE_UNSET)"),
    _where("set(span.status.code, STATUS_CODE_ERROR)", f"{_STATUS} >= 500"),
    _where("set(span.status.code, STATUS_CODE_ERROR)", _CLIENT, f"{_STATUS} >= 400"),
    _where(f'set(span.attributes["error.type"], String({_STATUS}))', "span.status.code == STATUS_CODE_ERROR"),
)
_GRPC_STATUS: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""Names of the gRPC statuses, in the order of their numbers."""
_RPC: Final = 'span.attributes["rpc.response.status_code"]'
_GRPC: Final = (
    _renamed("grpc.path", "rpc.method"),
    _where('replace_pattern(span.attributes["rpc.method"], "^/", "")', 'span.attributes["rpc.method"] != nil'),
    *(
        _where(f'set({_RPC}, "{name}")', f'span.attributes["grpc.status_code"] == "{number}"')
        for number, name in enumerate(_GRPC_STATUS)
    ),
    _where('set(span.attributes["rpc.system.name"], "grpc")', f"{_RPC} != nil"),
    # the HTTP status of a gRPC call is 200 even if the call failed
    _where("set(span.status.code, STATUS_CODE_ERROR)", _CLIENT, f"{_RPC} != nil", f'{_RPC} != "OK"'),
    _where(
        "set(span.status.code, STATUS_CODE_ERROR)",
        f"{_RPC} != nil",
        f'IsMatch({_RPC}, "^(UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS)$")',
    ),
    _where(f'set(span.attributes["error.type"], {_RPC})', "span.status.code == STATUS_CODE_ERROR", f"{_RPC} != nil"),
)
_NAME: Final = (
    # a proxy does not know the route; the conventions then name a span by its method
    _where('set(span.name, span.attributes["http.request.method"])', 'span.attributes["http.request.method"] != nil'),
    _where('set(span.name, "HTTP")', 'span.attributes["http.request.method"] == nil'),
)


_STATEMENTS: Final = (
    *_IDENTITY,
    *_REQUEST,
    *_OUTCOME,
    *_GRPC,
    *_NAME,
    # last, because the conditions of the others read these attributes
    _where(f"delete_matching_keys(span.attributes, {json.dumps(_LEGACY)})"),
)
PROXY_SPANS: Final = Processor(
    "transform/proxy_spans",
    # if a later Envoy writes a span differently, keep the span untranslated rather than drop it
    {"error_mode": "ignore", "trace_statements": [{"statements": list(_STATEMENTS)}]},
    Stage.TRANSLATE,
)
"""Processor for pipelines of traces; spans of anything but Envoy pass unchanged."""
