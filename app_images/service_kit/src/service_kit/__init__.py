"""What services of the shop do alike: errors, probes, request lines, a graceful end, PostgreSQL, Redis, gRPC."""
