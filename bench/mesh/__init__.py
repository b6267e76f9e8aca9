"""Latency and memory cost of a sidecar pair, and completeness of traces under load."""
