"""Grafana, its provisioning and its dashboards."""
