"""How Prometheus reads what a mesh's proxies count.

Every sidecar and gateway of Istio answers on a port that it redirects nothing from, so that a Prometheus outside the
mesh asks by plain HTTP while STRICT mTLS holds for everything else; what is to be had there are counters only.
"""

from __future__ import annotations

from typing import Any, Final

PROXIES_JOB: Final = "mesh-proxies"
_PORT: Final = 15020
_PROXY_PORT_NAME: Final = "http-envoy-prom"
"""A port of every sidecar's and gateway's container, and of no other: one target for each proxy."""

_POD: Final = "__meta_kubernetes_pod"
_LABELS: Final = {
    "service_name": f"{_POD}_label_service_istio_io_canonical_name",
    "service_version": f"{_POD}_label_service_istio_io_canonical_revision",
    "k8s_namespace_name": "__meta_kubernetes_namespace",
    "k8s_pod_name": f"{_POD}_name",
}
"""The words of pushed series for the same things (`PROMOTED_ATTRIBUTES`), and where Kubernetes has them."""

_KEPT: Final = (
    "istio_requests_total;.*",
    "istio_request_duration_milliseconds_bucket;destination;.*",
    r"envoy_cluster_upstream_rq;;[1-5]xx;(inbound|outbound)\|.*",
    r"envoy_cluster_upstream_rq_time_bucket;;;inbound\|.*",
)
"""What rules/mesh.rules.yaml reads, as ``name;reporter;response_code_class;cluster_name``.

Of a stock proxy's some thousand series this leaves its calls by peer and status, and durations where calls arrive.
"""

PROXY_READER_RULES: Final = ({"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},)
"""What finding the proxies needs; they are in every namespace whose pods join the mesh."""


def proxies_job(sample_limit: int) -> dict[str, Any]:
    """The scrape job for all proxies of the cluster.

    Args:
        sample_limit: series that one proxy may add; above it nothing of that proxy is taken, and its ``up`` is 0.
    """
    return {
        "job_name": PROXIES_JOB,
        "metrics_path": "/stats/prometheus",
        "sample_limit": sample_limit,
        "kubernetes_sd_configs": [
            # asked of the API server, so that it sends those pods only
            {"role": "pod", "selectors": [{"role": "pod", "label": "service.istio.io/canonical-name"}]}
        ],
        "relabel_configs": [
            {"source_labels": [f"{_POD}_container_port_name"], "regex": _PROXY_PORT_NAME, "action": "keep"},
            # the pods of finished Jobs stay listed
            {"source_labels": [f"{_POD}_phase"], "regex": "Running", "action": "keep"},
            {
                "source_labels": ["__address__"],
                "regex": r"(.+):\d+",
                "target_label": "__address__",
                "replacement": f"$1:{_PORT}",
            },
            *({"source_labels": [source], "target_label": label} for label, source in _LABELS.items()),
        ],
        "metric_relabel_configs": [
            {
                "source_labels": ["__name__", "reporter", "response_code_class", "cluster_name"],
                "regex": "|".join(_KEPT),
                "action": "keep",
            }
        ],
    }
