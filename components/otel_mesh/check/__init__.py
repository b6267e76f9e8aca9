"""Offline checks over Kubernetes objects of both meshes: `otel_mesh.check_objects`."""
