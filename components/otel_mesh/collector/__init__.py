"""The OpenTelemetry Collector: gateway, tail sampler and service graph."""
