"""A single-node Kubernetes: its paths and addresses, start, stop and status."""
