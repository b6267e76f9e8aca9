"""The stacks of this platform: settings, the catalog's data and the wiring of components."""
