"""The telemetry pipeline: data received, refused, queued, sent and lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders.dashboard import Row

from dashboards.parts import Query, board, graph

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

_SIGNALS: Final = {"spans": "spans", "metric_points": "metric points", "log_records": "log records"}


def _each(metric: str, by: str, legend: str) -> list[Query]:
    """One query for each signal, whose name is part of the metric's name."""
    return [
        Query(f"sum by ({by}) (rate({metric.format(name)}[$__rate_interval]))", f"{legend} {words}")
        for name, words in _SIGNALS.items()
    ]


def _lost(metric: str) -> list[Query]:
    return [
        Query(f"sum by (job, exporter) (increase({metric.format(name)}[$__range])) > 0", f"{{{{job}}}} {words}")
        for name, words in _SIGNALS.items()
    ]


def dashboard() -> Dashboard:
    """The dashboard ``collector``."""
    return (
        board(
            "collector",
            "Telemetry",
            "Telemetry between the services and the backends: received, refused, queued, sent, lost.",
        )
        .with_row(Row("Collectors"))
        .with_panel(
            graph(
                "Received",
                "Items a second that receivers accepted.",
                "short",
                *_each("otelcol_receiver_accepted_{}_total", "job", "{{job}}"),
            )
        )
        .with_panel(
            graph(
                "Sent",
                "Items a second that exporters delivered.",
                "short",
                *_each("otelcol_exporter_sent_{}_total", "job, exporter", "{{job}} {{exporter}}"),
            )
        )
        .with_panel(
            graph(
                "Refused",
                "Items a second refused because of the memory limit or a full queue. Senders retry for some seconds.",
                "short",
                *_each("otelcol_receiver_refused_{}_total", "job", "{{job}}"),
            )
        )
        .with_panel(
            graph(
                "Sending queues",
                "Fill level of the exporters' sending queues. A full queue drops new items.",
                "percentunit",
                Query(
                    "max by (job, exporter) (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity)",
                    "{{job}} {{exporter}}",
                ),
            )
        )
        .with_panel(
            graph(
                "Memory",
                "Resident memory of each Collector.",
                "bytes",
                Query("otelcol_process_memory_rss_bytes", "{{job}} {{k8s_pod_name}}"),
            )
        )
        .with_panel(
            graph(
                "Lost",
                "Items lost in the selected time range: permanent export errors and full sending queues.",
                "short",
                *_lost("otelcol_exporter_send_failed_{}_total"),
                *_lost("otelcol_exporter_enqueue_failed_{}_total"),
                may_be_empty=True,
            )
        )
        .with_row(Row("Samplers"))
        .with_panel(
            graph(
                "Traces decided",
                "Traces a second by sampling decision; empty without a tail sampler.",
                "short",
                Query(
                    "sum by (sampled) (rate("
                    "otelcol_processor_tail_sampling_global_count_traces_sampled_total[$__rate_interval]))",
                    "sampled: {{sampled}}",
                ),
                width=12,
                may_be_empty=True,
            )
        )
        .with_panel(
            graph(
                "Traces dropped",
                "Traces dropped in the selected time range: undecided because num_traces was reached, or too large.",
                "short",
                Query(
                    "sum by (job) (increase("
                    "otelcol_processor_tail_sampling_sampling_trace_dropped_too_early_total[$__range])) > 0",
                    "{{job}} undecided",
                ),
                Query(
                    "sum by (job) (increase("
                    "otelcol_processor_tail_sampling_traces_dropped_too_large_total[$__range])) > 0",
                    "{{job}} too large",
                ),
                width=12,
                may_be_empty=True,
            )
        )
        .with_row(Row("VictoriaLogs"))
        .with_panel(
            graph(
                "Lines stored",
                "Log lines stored per second.",
                "short",
                Query("sum by (job) (rate(vl_rows_ingested_total[$__rate_interval]))", "{{job}}"),
            )
        )
        .with_panel(
            graph(
                "Disk",
                "Compressed size of the lines on disk and in memory, and the free disk space.",
                "bytes",
                Query("sum by (job) (vl_data_size_bytes)", "{{job}} lines"),
                Query("min by (job) (vl_free_disk_space_bytes)", "{{job}} free"),
            )
        )
        .with_panel(
            graph(
                "Lines lost",
                "Log lines dropped in the selected time range, by reason; ignored lines are a lower bound.",
                "short",
                Query("sum by (job, reason) (increase(vl_rows_dropped_total[$__range])) > 0", "{{job}} {{reason}}"),
                Query(
                    "sum by (job) (increase("
                    'vm_log_messages_total{level="warn", location=~".*/log_rows\\\\.go:.*"}[$__range])) > 0',
                    "{{job}} ignored",
                ),
                may_be_empty=True,
            )
        )
        .with_row(Row("Services"))
        .with_panel(
            graph(
                "Records exported to the Collector",
                "Spans and log records a second that the services' exporters delivered.",
                "short",
                Query(
                    "sum by (job, otel_component_type) (rate("
                    '{__name__=~"otel_sdk_exporter_(span|log)_exported_total", error_type=""}[$__rate_interval]))',
                    "{{job}} {{otel_component_type}}",
                ),
                width=12,
            )
        )
        .with_panel(
            graph(
                "Records lost by services",
                "Records lost in the selected time range: failed exports and full queues.",
                "short",
                Query(
                    "sum by (job, otel_component_type, error_type) (increase("
                    '{__name__=~"otel_sdk_(exporter|processor)_(span|log)_(exported|processed)_total",'
                    ' error_type!=""}[$__range])) > 0',
                    "{{job}} {{otel_component_type}} {{error_type}}",
                ),
                width=12,
                may_be_empty=True,
            )
        )
        .build()
    )
