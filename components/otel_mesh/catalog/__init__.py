"""The catalog of services, and what derives from it."""
