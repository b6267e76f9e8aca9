"""Grafana's configuration, and the provisioning of its data sources and dashboards.

URLs come from environment variables, so that the files are known before anything is deployed. In provisioning files
Grafana expands ``$NAME``; ``$$`` is a literal dollar.
"""

from __future__ import annotations

import configparser
import io
from typing import Any, Final

from otel_mesh.catalog import log_queries

PROMETHEUS_URL: Final = "PROMETHEUS_URL"
JAEGER_URL: Final = "JAEGER_URL"
LOGS_URL: Final = "LOGS_URL"
"""Environment variables of the container: URLs of the data sources."""

CONFIG_DIR: Final = "/etc/grafana"
DASHBOARD_DIR: Final = f"{CONFIG_DIR}/dashboards"
SHARED_DASHBOARD_DIR: Final = "/etc/grafana-shared"
DATA_DIR: Final = "/var/lib/grafana"
HTTP_PORT: Final = 3000

_NOT_ASKED_FOR: Final = (
    "grafana-advisor-app",
    "grafana-exploretraces-app",
    "grafana-lokiexplore-app",
    "grafana-metricsdrilldown-app",
    "grafana-pathfinder-app",
    "grafana-pyroscope-app",
)
"""Plugins that Grafana fetches by default unless each is disabled."""

_AROUND: Final = {"spanStartTimeShift": "-5m", "spanEndTimeShift": "5m"}
"""Time range around a span for its logs and metrics: clocks differ, and metrics are pushed once a minute."""


def ini(
    *, admin_user: str, password_file: str, anonymous: bool, root_url: str | None, plugin: str | None = None
) -> str:
    """``grafana.ini`` (https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/).

    Args:
        admin_user: Name of the only account.
        password_file: File with the password; it is in no variable and no argument.
        anonymous: Whether the page can be viewed without logging in.
        root_url: URL of the page as browsers see it; None for Grafana's own.
        plugin: Plugin to install in addition to the image's; None for none.
    """
    sections: dict[str, dict[str, str]] = {
        "server": {"http_port": str(HTTP_PORT), **({"root_url": root_url} if root_url else {})},
        "security": {
            "admin_user": admin_user,
            "admin_password": f"$__file{{{password_file}}}",
            "disable_gravatar": "true",
            "cookie_secure": str((root_url or "").startswith("https:")).lower(),
        },
        "users": {"allow_sign_up": "false", "allow_org_create": "false"},
        "auth.anonymous": {"enabled": str(anonymous).lower(), "org_role": "Viewer"},
        "dashboards": {"default_home_dashboard_path": f"{DASHBOARD_DIR}/services.json"},
        # no reporting, no update checks, no downloads except the one pinned plugin
        "analytics": {
            "reporting_enabled": "false",
            "check_for_updates": "false",
            "check_for_plugin_updates": "false",
        },
        "news": {"news_feed_enabled": "false"},
        "plugins": {**_fetched(plugin), "plugin_admin_enabled": "false"},
        "log": {"mode": "console"},
        "log.console": {"format": "json"},
    }
    parser = configparser.RawConfigParser()
    parser.read_dict(sections)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue().rstrip("\n") + "\n"


def _fetched(plugin: str | None) -> dict[str, str]:
    if plugin is None:
        return {"preinstall_disabled": "true"}
    return {
        # in the background: the page must not depend on whether the plugin can be fetched
        "preinstall": plugin,
        "preinstall_auto_update": "false",
        "disable_plugins": ",".join(_NOT_ASKED_FOR),
    }


def datasources(*, logs: bool) -> dict[str, Any]:
    """Data sources of metrics, traces and logs, with links between exemplars, traces and log lines.

    Args:
        logs: Whether a log backend exists.
    """
    found = [_prometheus(), _jaeger(logs=logs), *([_logs()] if logs else [])]
    return {"apiVersion": 1, "prune": True, "datasources": found}


def _datasource(name: str, variable: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - as Grafana has them
    return {
        "name": name,
        "type": name.lower(),
        "uid": name.lower(),  # dashboards and links name it by this
        "access": "proxy",
        "url": f"${variable}",
        "editable": False,
        **fields,
    }


def _prometheus() -> dict[str, Any]:
    return _datasource(
        "Prometheus",
        PROMETHEUS_URL,
        isDefault=True,
        jsonData={
            "httpMethod": "POST",
            "prometheusType": "Prometheus",
            # the longest push interval, a minute by default; $__rate_interval is four times that
            "timeInterval": "60s",
            "exemplarTraceIdDestinations": [{"name": "trace_id", "datasourceUid": "jaeger"}],
        },
    )


def _jaeger(*, logs: bool) -> dict[str, Any]:
    of_the_pod = "$$__tags"
    data: dict[str, Any] = {
        "nodeGraph": {"enabled": True},
        "tracesToMetrics": {
            "datasourceUid": "prometheus",
            **_AROUND,
            # the service's name is not a tag in Jaeger; the pod's name is, and it is a label of the series
            "tags": [{"key": "k8s.pod.name", "value": "k8s_pod_name"}],
            "queries": [
                {
                    "name": "Requests of this pod",
                    "query": "sum by (http_route, rpc_method, http_response_status_code) (rate("
                    '{__name__=~"http_server_request_duration_seconds_count|rpc_server_call_duration_seconds_count", '
                    f"{of_the_pod}}}[5m]))",
                },
                {
                    "name": "Durations of this pod, 95th percentile",
                    "query": "histogram_quantile(0.95, sum by (http_route, rpc_method, le) (rate("
                    '{__name__=~"http_server_request_duration_seconds_bucket|rpc_server_call_duration_seconds_bucket", '
                    f"{of_the_pod}}}[5m])))",
                },
                {
                    "name": "Calls of this pod",
                    "query": "sum by (service_peer_name, http_response_status_code) (rate("
                    '{__name__=~"http_client_request_duration_seconds_count|rpc_client_call_duration_seconds_count", '
                    f"{of_the_pod}}}[5m]))",
                },
            ],
        },
    }
    if logs:
        data["tracesToLogsV2"] = {
            "datasourceUid": "logs",
            **_AROUND,
            # the lines of all services in the trace
            "customQuery": True,
            "query": log_queries.of_trace("$${__trace.traceId}"),
        }
    return _datasource("Jaeger", JAEGER_URL, jsonData=data)


def _logs() -> dict[str, Any]:
    own = {"type": log_queries.SOURCE_TYPE, "jsonData": log_queries.grafana_fields("jaeger")}
    return {**_datasource("Logs", LOGS_URL), **own}


def dashboard_provider(*, shared: bool = False) -> dict[str, Any]:
    """The providers of the dashboards, which are read-only in the page: they are changed in the repository.

    Args:
        shared: Whether there are dashboards of other stacks, which come and go while Grafana runs.
    """
    providers = [_provider("otel-mesh", DASHBOARD_DIR, kept=True)]
    if shared:
        providers.append(_provider("teams", SHARED_DASHBOARD_DIR, kept=False))
    return {"apiVersion": 1, "providers": providers}


def _provider(name: str, path: str, *, kept: bool) -> dict[str, Any]:
    return {
        "name": name,
        "folder": name,
        "type": "file",
        "disableDeletion": kept,
        "allowUiUpdates": False,
        "options": {"path": path},
    }
