"""Real programs on loopback, started by tests and benches; they end with the process that starts them."""
