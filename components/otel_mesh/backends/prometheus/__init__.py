"""Prometheus, its alert rules and its scrape configuration."""
