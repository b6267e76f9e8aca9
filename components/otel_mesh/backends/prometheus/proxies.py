"""The scrape job for the proxies of a mesh."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otel_mesh.mesh.binding import ProxyScraping

PROXIES_JOB: Final = "mesh-proxies"

_POD: Final = "__meta_kubernetes_pod"

PROXY_READER_RULES: Final = ({"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},)
"""Rights needed to discover the proxies, which are in every namespace of the mesh."""


def proxies_job(proxies: ProxyScraping, sample_limit: int) -> dict[str, Any]:
    """The scrape job for all proxies of the cluster.

    Args:
        proxies: Where and how to scrape.
        sample_limit: Number of series that one proxy may have. Above it the scrape fails as a whole and ``up`` is 0.
    """
    # the names that pushed series have for the same things (`PROMOTED_ATTRIBUTES`)
    labels = {
        **{label: _meta_label(source) for label, source in proxies.pod_labels.items()},
        "k8s_namespace_name": "__meta_kubernetes_namespace",
        "k8s_pod_name": f"{_POD}_name",
    }
    return {
        "job_name": PROXIES_JOB,
        "metrics_path": proxies.path,
        "sample_limit": sample_limit,
        "kubernetes_sd_configs": [
            # a selector of the API server, which then sends only these pods
            {"role": "pod", "selectors": [{"role": "pod", "label": proxies.pod_label}]}
        ],
        "relabel_configs": [
            {"source_labels": [f"{_POD}_container_port_name"], "regex": proxies.port_name, "action": "keep"},
            # pods of finished Jobs stay listed
            {"source_labels": [f"{_POD}_phase"], "regex": "Running", "action": "keep"},
            {
                "source_labels": ["__address__"],
                "regex": r"(.+):\d+",
                "target_label": "__address__",
                "replacement": f"$1:{proxies.port}",
            },
            *({"source_labels": [source], "target_label": label} for label, source in labels.items()),
        ],
        "metric_relabel_configs": [
            {"source_labels": list(proxies.match_labels), "regex": "|".join(proxies.series), "action": "keep"}
        ],
    }


def _meta_label(pod_label: str) -> str:
    """Prometheus' name of a pod's label while it discovers targets."""
    return f"{_POD}_label_{re.sub(r'[^A-Za-z0-9_]', '_', pod_label)}"
