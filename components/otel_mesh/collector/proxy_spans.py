"""Brings the spans of a mesh's proxies to the vocabulary that services use.

Envoy names its spans and attributes as it did before there were semantic conventions for HTTP. Here they become those
of the stable conventions (https://opentelemetry.io/docs/specs/semconv/http/http-spans/), so that one query finds both a
service's and its proxy's spans; `PROXY` tells them apart.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PROCESSOR: Final = "transform/proxy_spans"
"""Name of the processor; it has to come after what adds Kubernetes' attributes."""

PROXY: Final = "otel_mesh.proxy"
"""Attribute of a proxy's span: ``gateway`` or ``sidecar``; a service's own spans don't have it."""

RESPONSE_FLAGS: Final = "otel_mesh.proxy.response_flags"
"""Why Envoy answered itself or failed, e.g. ``UH`` or ``FI``; absent where it did neither."""

_IS_ENVOY: Final = 'span.attributes["component"] == "proxy"'

_LEGACY: Final = (
    r"^(http\.(url|method|status_code|protocol)|component|node_id|zone|guid:x-request-id|user_agent"
    r"|request_size|response_size|response_flags|downstream_cluster|upstream_cluster.*|upstream_address"
    r"|peer\.address|upstream_host|error|grpc\.(status_code|message|path|authority|content_type|timeout)"
    r"|istio\.(canonical_service|canonical_revision|cluster_id|mesh_id|namespace))$"
)
"""What has been told in other words by then, or repeats the resource."""


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
    # a pod is one instance of its service, with its proxy
    _where(
        'set(resource.attributes["service.instance.id"], resource.attributes["k8s.pod.uid"])',
        'resource.attributes["k8s.pod.uid"] != nil',
    ),
    # the span of a gateway towards its upstream names no node; sidecars make no such spans
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
    # 0: the client was gone before there was an answer
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
"""By number."""
_RPC: Final = 'span.attributes["rpc.response.status_code"]'
_GRPC: Final = (
    _renamed("grpc.path", "rpc.method"),
    _where('replace_pattern(span.attributes["rpc.method"], "^/", "")', 'span.attributes["rpc.method"] != nil'),
    *(
        _where(f'set({_RPC}, "{name}")', f'span.attributes["grpc.status_code"] == "{number}"')
        for number, name in enumerate(_GRPC_STATUS)
    ),
    _where('set(span.attributes["rpc.system.name"], "grpc")', f"{_RPC} != nil"),
    # HTTP's status is 200 whatever became of the call
    _where("set(span.status.code, STATUS_CODE_ERROR)", _CLIENT, f"{_RPC} != nil", f'{_RPC} != "OK"'),
    _where(
        "set(span.status.code, STATUS_CODE_ERROR)",
        f"{_RPC} != nil",
        f'IsMatch({_RPC}, "^(UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS)$")',
    ),
    _where(f'set(span.attributes["error.type"], {_RPC})', "span.status.code == STATUS_CODE_ERROR", f"{_RPC} != nil"),
)
_NAME: Final = (
    # a proxy knows no route; without one a span is named by its method alone
    _where('set(span.name, span.attributes["http.request.method"])', 'span.attributes["http.request.method"] != nil'),
    _where('set(span.name, "HTTP")', 'span.attributes["http.request.method"] == nil'),
)


def proxy_spans_processor() -> dict[str, Any]:
    """The configuration of `PROCESSOR`; spans of anything but Envoy pass unchanged."""
    statements = (
        *_IDENTITY,
        *_REQUEST,
        *_OUTCOME,
        *_GRPC,
        *_NAME,
        # last, because this is what the others ask for
        _where(f"delete_matching_keys(span.attributes, {json.dumps(_LEGACY)})"),
    )
    return {
        # a span that Envoy's next version writes differently is better kept as it is than lost
        "error_mode": "ignore",
        "trace_statements": [{"statements": list(statements)}],
    }


def with_proxy_spans(config: Mapping[str, Any]) -> dict[str, Any]:
    """A Collector's configuration that also brings proxies' spans to the common vocabulary.

    Args:
        config: of a Collector whose traces pass ``k8s_attributes``.
    """
    service = config["service"]
    traces = service["pipelines"]["traces"]
    processors = list(traces["processors"])
    processors.insert(processors.index("resource/cluster"), PROCESSOR)
    pipelines = {**service["pipelines"], "traces": {**traces, "processors": processors}}
    return {
        **config,
        "processors": {**config["processors"], PROCESSOR: proxy_spans_processor()},
        "service": {**service, "pipelines": pipelines},
    }
