"""The embedded environment: a single-node Kubernetes on a bare Linux machine."""
