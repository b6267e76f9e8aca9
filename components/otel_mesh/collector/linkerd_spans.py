"""Translation of Linkerd's proxy spans: their attributes have the conventions' names, but all values are texts.

A proxy makes two spans of each request: one as it accepts the request and one as it sends it on. The one towards its
own workload never leaves the pod, and becomes an ``internal`` span: a client span is then always a call between two
pods, as with Envoy. It is not dropped, because the next span names it as its parent.

The proxy does not read gRPC statuses (they are in the trailers), so that spans of gRPC calls have none.
"""

from __future__ import annotations

from typing import Final

from otel_mesh.collector.proxy_statements import CLIENT, PROXY, SERVER, ProxyStatements

_LINKERD: Final = ProxyStatements('resource.attributes["k8s.container.name"] == "linkerd-proxy"')
_URL: Final = 'span.attributes["url.full"]'
_CONTENT_TYPE: Final = 'span.attributes["http.request.header.content-type"]'
_INSIDE_POD: Final = (
    ("outbound", SERVER),
    ("inbound", CLIENT),
)
"""Direction and kind of the spans between a proxy and its own workload."""

_OTHERS: Final = r"^(direction|url[.]query|network[.]transport|http[.]request[.]header[.].*)$"
"""Attributes to remove after the translation; a query may hold personal data."""

_POD_LABELS: Final = r"^(app|version|pod-template-hash|controller-revision-hash|.*/.*)$"
"""Labels of the pod, which the proxy sends among its resource's attributes."""


def _resource(name: str, source: str) -> str:
    """A statement that copies an attribute of the resource, where it exists."""
    value = f'resource.attributes["{source}"]'
    return _LINKERD.where(f'set(resource.attributes["{name}"], {value})', f"{value} != nil")


_IDENTITY: Final = (
    # the version that the services report, in the order in which Istio takes it
    *(_resource("service.version", label) for label in ("version", "app.kubernetes.io/version")),
    _resource("service.namespace", "k8s.namespace.name"),
    # the pod, with its proxy, is one instance of its service
    _resource("service.instance.id", "k8s.pod.uid"),
    _LINKERD.where(f'delete_matching_keys(resource.attributes, "{_POD_LABELS}")'),
)
_KIND: Final = (
    _LINKERD.where(f'set(span.attributes["{PROXY}"], "sidecar")'),
    *(
        _LINKERD.where("set(span.kind, SPAN_KIND_INTERNAL)", f'span.attributes["direction"] == "{direction}"', kind)
        for direction, kind in _INSIDE_POD
    ),
)
_REQUEST: Final = (
    _LINKERD.renamed("http.response.status_code", "http.response.status_code", "Int({})"),
    _LINKERD.renamed("http.request.header.content-length", "http.request.body.size", "Int({})"),
    _LINKERD.renamed("server.port", "server.port", "Int({})"),
    # without the query, which may hold personal data
    _LINKERD.where(
        f'set({_URL}, Concat([URL({_URL})["url.scheme"], "://", URL({_URL})["url.domain"], URL({_URL})["url.path"]], '
        '""))',
        f'IsMatch({_URL}, "^https?://")',
    ),
    _LINKERD.where(f'replace_pattern({_URL}, "[?].*$", "")', f"{_URL} != nil"),
)
_GRPC: Final = (
    _LINKERD.where('set(span.attributes["rpc.system.name"], "grpc")', f'IsMatch({_CONTENT_TYPE}, "^application/grpc")'),
    _LINKERD.where(
        'set(span.attributes["rpc.method"], span.attributes["url.path"])', 'span.attributes["rpc.system.name"] != nil'
    ),
    _LINKERD.rpc_method(),
)
_UNUSED: Final = (
    _LINKERD.where('delete_matching_keys(span.attributes, "^url[.](path|scheme)$")', CLIENT),
    _LINKERD.where('delete_key(span.attributes, "url.full")', "span.kind != SPAN_KIND_CLIENT"),
    _LINKERD.where(f'delete_matching_keys(span.attributes, "{_OTHERS}")'),
)

LINKERD_STATEMENTS: Final = (
    *_IDENTITY,
    *_KIND,
    *_REQUEST,
    *_GRPC,
    *_LINKERD.outcome(),
    *_LINKERD.name(),
    # last, because the conditions of the others read these attributes
    *_UNUSED,
)
"""Statements in the context of spans; spans of anything but Linkerd's proxies pass unchanged."""
