"""Kubernetes objects of workloads as plain mappings, and the settings that all workloads share."""
