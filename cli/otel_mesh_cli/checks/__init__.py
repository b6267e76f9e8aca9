"""`otel-mesh check`: mistakes across the objects of a mesh, found without a cluster."""
