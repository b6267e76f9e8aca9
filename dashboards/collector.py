"""What becomes of telemetry on its way: taken, refused, queued, sent, lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders.dashboard import Row

from dashboards.parts import Query, board, graph

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

_SIGNALS: Final = {"spans": "spans", "metric_points": "metric points", "log_records": "log records"}


def _each(metric: str, by: str, legend: str) -> list[Query]:
    """One question for each signal: a name of a metric holds the signal's."""
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
        board("collector", "Telemetry", "What becomes of telemetry on its way from the services to the stores.")
        .with_row(Row("Collectors"))
        .with_panel(
            graph(
                "Taken",
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
                "Refused, to be sent again",
                "Items a second: memory or a queue is full. Senders try again for some seconds.",
                "short",
                *_each("otelcol_receiver_refused_{}_total", "job", "{{job}}"),
            )
        )
        .with_panel(
            graph(
                "Queues",
                "How full the queues before the exporters are. A full one loses what comes.",
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
                "Items lost within the range that is shown: not delivered for good, or taken no more by a full queue.",
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
                "Traces a second by decision, where a stack keeps a part of its traces only.",
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
                "Undecided, because there was no room, or because they were too large.",
                "short",
                Query(
                    "sum by (job) (increase("
                    "otelcol_processor_tail_sampling_sampling_trace_dropped_too_early_total[$__range])) > 0",
                    "{{job}} no room",
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
        .with_row(Row("Log store"))
        .with_panel(
            graph(
                "Lines kept",
                "Log lines a second that the store took.",
                "short",
                Query("sum by (job) (rate(vl_rows_ingested_total[$__rate_interval]))", "{{job}}"),
            )
        )
        .with_panel(
            graph(
                "Disk",
                "Bytes that lines take on disk and in memory, packed, and the room that is left.",
                "bytes",
                Query("sum by (job) (vl_data_size_bytes)", "{{job}} lines"),
                Query("min by (job) (vl_free_disk_space_bytes)", "{{job}} free"),
            )
        )
        .with_panel(
            graph(
                "Lines lost",
                "Within the range that is shown, by reason; ignored ones at least as many.",
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
                "Records handed to the Collector",
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
                "Within the range that is shown: not taken by the Collector, or more than the queue held.",
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
