"""The command otel-mesh: stacks, on call, review, other clusters."""
