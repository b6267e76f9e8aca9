"""How the log store is asked, in its own language, LogsQL (https://docs.victoriametrics.com/victorialogs/logsql/).

Apart from the component, so that what asks knows nothing of what is deployed: the contract, Grafana and the commands of
a person on call. Another store brings this file and `otel_mesh.backends.victoria_logs` anew.
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
"""Resource attributes that tell streams apart: lines with the same values lie together, and are found without a scan.

What tells pods or instances apart is not among them, though upstream advises it: it pays where applications of
different kinds would share a stream. Pods of one service write alike and compress alike, nobody searches by pod first,
and each rollout would begin streams anew, every day's partition with an index and blocks of their own. Pod, node and
all other attributes are fields of each line, indexed as well.
"""

SOURCE_TYPE: Final = "victoriametrics-logs-datasource"
"""Grafana's plugin that asks this store, which is the type of its data source too."""


def of_service(service: str) -> str:
    """The lines of a service that were logged within a trace."""
    return f"{{service.name={_quoted(service)}}} trace_id:*"


def of_trace(trace_id: str) -> str:
    """The lines of all services that were logged within a trace.

    Args:
        trace_id: 32 lower case hexadecimal digits, or what Grafana replaces by them.
    """
    return f"trace_id:={_quoted(trace_id)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def grafana_fields(traces_uid: str) -> dict[str, Any]:
    """``jsonData`` of Grafana's data source: each line leads to its trace.

    Args:
        traces_uid: of the data source with the traces.
    """
    return {
        # the plugin's own default is 50, fewer than one order leaves behind
        "maxLines": "1000",
        "derivedFields": [
            {
                # a field beside the line, not a part of its text
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
"""What services write as their records' severity, to Grafana's levels."""
