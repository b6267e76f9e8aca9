"""Kubernetes objects as plain mappings, and the settings that all workloads share."""
