"""A rehearsal of an upgrade of the mesh: both versions' charts, rendered and compared."""
