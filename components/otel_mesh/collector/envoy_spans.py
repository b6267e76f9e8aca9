"""Translation of Envoy's spans, whose names and attributes are older than the conventions for HTTP."""

from __future__ import annotations

import json
from typing import Final

from otel_mesh.collector.proxy_statements import CLIENT, PROXY, RESPONSE_FLAGS, SERVER, ProxyStatements

_ENVOY: Final = ProxyStatements('span.attributes["component"] == "proxy"')

_LEGACY: Final = (
    r"^(http\.(url|method|status_code|protocol)|component|node_id|zone|guid:x-request-id|user_agent"
    r"|request_size|response_size|response_flags|downstream_cluster|upstream_cluster.*|upstream_address"
    r"|peer\.address|upstream_host|error|grpc\.(status_code|message|path|authority|content_type|timeout)"
    r"|istio\.(canonical_service|canonical_revision|cluster_id|mesh_id|namespace))$"
)
"""Attributes to remove after the translation: translated ones, and those that repeat the resource."""


_URL: Final = 'span.attributes["http.url"]'
_STATUS: Final = 'span.attributes["http.response.status_code"]'
_VERSION: Final = 'span.attributes["network.protocol.version"]'
_UPSTREAM: Final = 'span.attributes["upstream_cluster"]'


def _from_url(part: str, new: str, condition: str) -> str:
    return _ENVOY.where(f'set(span.attributes["{new}"], URL({_URL})["{part}"])', f"{_URL} != nil", condition)


_IDENTITY: Final = (
    _ENVOY.where(
        'set(resource.attributes["service.version"], span.attributes["istio.canonical_revision"])',
        'span.attributes["istio.canonical_revision"] != nil',
    ),
    # the pod, with its proxy, is one instance of its service
    _ENVOY.where(
        'set(resource.attributes["service.instance.id"], resource.attributes["k8s.pod.uid"])',
        'resource.attributes["k8s.pod.uid"] != nil',
    ),
    # a gateway's client span has no node_id; sidecars make no such spans
    _ENVOY.where(f'set(span.attributes["{PROXY}"], "gateway")'),
    _ENVOY.where(f'set(span.attributes["{PROXY}"], "sidecar")', 'IsMatch(span.attributes["node_id"], "^sidecar~")'),
)
_REQUEST: Final = (
    _ENVOY.renamed("http.method", "http.request.method"),
    _ENVOY.renamed("http.status_code", "http.response.status_code", "Int({})"),
    _ENVOY.renamed("http.protocol", "network.protocol.version"),
    _ENVOY.where(f'replace_pattern({_VERSION}, "^HTTP/", "")', f"{_VERSION} != nil"),
    _ENVOY.renamed("user_agent", "user_agent.original"),
    _ENVOY.renamed("request_size", "http.request.body.size", "Int({})"),
    _ENVOY.renamed("response_size", "http.response.body.size", "Int({})"),
    _ENVOY.renamed("guid:x-request-id", "otel_mesh.request.id"),
    # without the query, which may hold personal data
    _from_url("url.scheme", "url.scheme", SERVER),
    _from_url("url.path", "url.path", SERVER),
    _from_url("url.domain", "server.address", SERVER),
    _ENVOY.where(
        f'set(span.attributes["url.full"], Concat([URL({_URL})["url.scheme"], "://", URL({_URL})["url.domain"], '
        f'URL({_URL})["url.path"]], ""))',
        f"{_URL} != nil",
        CLIENT,
    ),
    _ENVOY.where(
        f'merge_maps(span.attributes, ExtractPatterns({_UPSTREAM}, "^outbound\\\\|[0-9]+\\\\|[^|]*\\\\|'
        '(?P<upstream_host>[^|]+)$"), "upsert")',
        f"{_UPSTREAM} != nil",
        CLIENT,
    ),
    _ENVOY.renamed("upstream_host", "server.address"),
)
_OUTCOME: Final = (
    _ENVOY.where(
        f'set(span.attributes["{RESPONSE_FLAGS}"], span.attributes["response_flags"])',
        'span.attributes["response_flags"] != "-"',
    ),
    # 0: the client disconnected before the response
    _ENVOY.where('delete_key(span.attributes, "http.response.status_code")', f"{_STATUS} == 0"),
    *_ENVOY.outcome(),
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
    _ENVOY.renamed("grpc.path", "rpc.method"),
    _ENVOY.rpc_method(),
    *(
        _ENVOY.where(f'set({_RPC}, "{name}")', f'span.attributes["grpc.status_code"] == "{number}"')
        for number, name in enumerate(_GRPC_STATUS)
    ),
    _ENVOY.where('set(span.attributes["rpc.system.name"], "grpc")', f"{_RPC} != nil"),
    # the HTTP status of a gRPC call is 200 even if the call failed
    _ENVOY.where("set(span.status.code, STATUS_CODE_ERROR)", CLIENT, f"{_RPC} != nil", f'{_RPC} != "OK"'),
    _ENVOY.where(
        "set(span.status.code, STATUS_CODE_ERROR)",
        f"{_RPC} != nil",
        f'IsMatch({_RPC}, "^(UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS)$")',
    ),
    _ENVOY.where(
        f'set(span.attributes["error.type"], {_RPC})', "span.status.code == STATUS_CODE_ERROR", f"{_RPC} != nil"
    ),
)


_UID: Final = 'span.attributes["k8s.pod.uid"]'
GATEWAY_POD: Final = (
    _ENVOY.where(f'set(resource.attributes["k8s.pod.uid"], {_UID})', f"{_UID} != nil"),
    _ENVOY.where('delete_key(span.attributes, "k8s.pod.uid")'),
)
"""Statements for gateways that send their pod's UID with each span, since their resource has fixed attributes only."""

ENVOY_STATEMENTS: Final = (
    *_IDENTITY,
    *_REQUEST,
    *_OUTCOME,
    *_GRPC,
    *_ENVOY.name(),
    # last, because the conditions of the others read these attributes
    _ENVOY.where(f"delete_matching_keys(span.attributes, {json.dumps(_LEGACY)})"),
)
"""Statements in the context of spans; spans of anything but Envoy pass unchanged."""
