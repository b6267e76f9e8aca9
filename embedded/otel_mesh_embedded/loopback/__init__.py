"""Real programs on loopback, each on a free port and in a folder of its own: no cluster, for tests and benchmarks."""
