"""Backends of telemetry: Jaeger, VictoriaLogs, Prometheus, Grafana."""
