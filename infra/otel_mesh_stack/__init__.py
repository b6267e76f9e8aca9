"""The stacks of this platform: their settings, the catalog's data and the wiring of components."""
