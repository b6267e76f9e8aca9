"""Shared parts of the shop's services: errors, probes, request log, graceful shutdown, PostgreSQL, Redis, gRPC."""
