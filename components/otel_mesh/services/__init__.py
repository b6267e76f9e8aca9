"""Workloads of a platform: services, databases, caches."""
