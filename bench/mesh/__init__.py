"""What a sidecar pair adds to a request and holds in memory, and whether traces get lost under load."""
