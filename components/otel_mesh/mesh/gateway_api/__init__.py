"""A gateway made of the Gateway API's objects, for a controller that serves them: Envoy Gateway, or another."""
