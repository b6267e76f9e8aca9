"""The embedded environment: a real single-node Kubernetes on a bare Linux machine."""
