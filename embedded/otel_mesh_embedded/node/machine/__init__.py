"""The machine the node runs on: preflight checks, ports, memory, cgroups, folders, residue."""
