"""The catalogue of services, and what follows from it."""
