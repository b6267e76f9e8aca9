"""The stacks of this platform: their settings, the catalogue's data and the wiring of components."""
