"""Metrics of the mesh's proxies, recorded by rules/mesh.rules.yaml for Istio's and the public Envoy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders.dashboard import Row

from dashboards.parts import Query, board, choice, graph, rows

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

_CHOSEN: Final = 'k8s_namespace_name=~"$namespace"'
_EDGE: Final = "service_name, service_peer_name"


def dashboard() -> Dashboard:
    """The dashboard ``mesh``; empty without a mesh."""
    return (
        board("mesh", "Mesh", "Metrics of sidecars and gateways; empty without a mesh.")
        .with_variable(
            choice("namespace", "Namespace", 'label_values(up{job="mesh-proxies"}, k8s_namespace_name)'),
        )
        .with_row(Row("Inbound"))
        .with_panel(
            graph(
                "Requests",
                "Requests a second that sidecars forwarded to their service, by status class.",
                "reqps",
                Query(
                    f"sum by (service_name, response_class) (mesh_service:requests:rate5m{{{_CHOSEN}}})",
                    "{{service_name}} {{response_class}}",
                ),
                may_be_empty=True,
            )
        )
        .with_panel(
            graph(
                "Duration, 95th percentile",
                "Duration measured by the sidecar of the service.",
                "ms",
                Query(
                    "histogram_quantile(0.95, sum by (service_name, le)"
                    f" (mesh_service:request_duration_milliseconds_bucket:rate5m{{{_CHOSEN}}}))",
                    "{{service_name}}",
                ),
                may_be_empty=True,
            )
        )
        .with_panel(
            graph(
                "Sent but not received",
                "Requests a second sent by callers' proxies minus those received by callees: denied or lost.",
                "reqps",
                Query(
                    "sum by (service_peer_name) (mesh_edge:requests:rate5m)"
                    " - on (service_peer_name) label_replace(sum by (service_name) (mesh_service:requests:rate5m), "
                    '"service_peer_name", "$1", "service_name", "(.*)") > 0',
                    "{{service_peer_name}}",
                ),
                may_be_empty=True,
            )
        )
        .with_row(Row("Outbound"))
        .with_panel(
            rows(
                "Calls",
                "Calls through gateways and sidecars. Errors are the share of 5xx responses.",
                {"service_name": "Caller", "service_peer_name": "Callee"},
                Query(f"sum by ({_EDGE}) (mesh_edge:requests:rate5m{{{_CHOSEN}}})", "Calls"),
                Query(
                    f'sum by ({_EDGE}) (mesh_edge:requests:rate5m{{{_CHOSEN}, response_class="5xx"}})'
                    f" / sum by ({_EDGE}) (mesh_edge:requests:rate5m{{{_CHOSEN}}})",
                    "Errors",
                ),
                units={"Calls": "reqps", "Errors": "percentunit"},
                may_be_empty=True,
            )
        )
        .with_panel(
            graph(
                "Scraped proxies",
                "Proxies that Prometheus scrapes successfully; for others the alert MeshProxyNotScraped fires.",
                "short",
                Query(
                    f'sum by (k8s_namespace_name, service_name) (up{{job="mesh-proxies", {_CHOSEN}}})',
                    "{{k8s_namespace_name}} {{service_name}}",
                ),
                width=24,
                may_be_empty=True,
            )
        )
        .build()
    )
