"""The mesh: what a workload knows of it, and how it is installed."""
