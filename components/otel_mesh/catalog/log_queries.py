"""Queries to VictoriaLogs in LogsQL (https://docs.victoriametrics.com/victorialogs/logsql/).

A module of its own, so that users of the queries (the telemetry contract, Grafana, the on-call commands) do not import
the component. Another log backend replaces this file and `otel_mesh.backends.victoria_logs`.
"""

from __future__ import annotations

from typing import Any, Final

STREAM_FIELDS: Final = (
    "service.namespace",
    "service.name",
    "deployment.environment.name",
    "k8s.cluster.name",
    "k8s.namespace.name",
)
"""Resource attributes that identify a stream. Lines of a stream are stored together and found without a scan.

Upstream advises to add an attribute of the pod or instance, which pays where different applications would share a
stream. Here the pods of a service write similar lines that compress well together, queries rarely begin with a pod, and
each rollout would start new streams with an index and blocks of their own in every day's partition. Pod, node and all
other attributes are indexed fields of each line.
"""

SOURCE_TYPE: Final = "victoriametrics-logs-datasource"
"""Id of Grafana's plugin for VictoriaLogs, and type of its data source."""


def of_service(service: str) -> str:
    """Query for the lines that a service logged within a trace.

    Args:
        service: Name of the service.
    """
    return f"{{service.name={_quoted(service)}}} trace_id:*"


def of_trace(trace_id: str) -> str:
    """Query for the lines that all services logged within a trace.

    Args:
        trace_id: Trace id of 32 lower case hexadecimal digits, or Grafana's variable for it.
    """
    return f"trace_id:={_quoted(trace_id)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def grafana_fields(traces_uid: str) -> dict[str, Any]:
    """``jsonData`` of Grafana's data source, with a link from each line to its trace.

    Args:
        traces_uid: Uid of the data source of the traces.
    """
    return {
        # the plugin's default of 50 is less than a single order logs
        "maxLines": "1000",
        "derivedFields": [
            {
                # a field of the line, not a match in its text
                "name": "trace_id",
                "matcherType": "label",
                "matcherRegex": "trace_id",
                "datasourceUid": traces_uid,
                "url": "$${__value.raw}",
                "urlDisplayLabel": "Trace",
            }
        ],
        "logLevelRules": [
            {"field": "severity_text", "operator": "caseInsensitiveEquals", "value": value, "level": level}
            for value, level in _LEVELS.items()
        ],
    }


_LEVELS: Final = {
    "fatal": "critical",
    "critical": "critical",
    "error": "error",
    "warning": "warning",
    "warn": "warning",
    "info": "info",
    "debug": "debug",
    "trace": "trace",
}
"""Severity text of log records, with Grafana's log level."""
