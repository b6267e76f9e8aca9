"""Protocols of the shop's services, by their package names; the Python is generated (`make proto`)."""
