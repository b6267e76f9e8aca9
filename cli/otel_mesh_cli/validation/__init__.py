"""Configurations of the Collector, Jaeger, Prometheus and Alertmanager, checked by those programs themselves."""
