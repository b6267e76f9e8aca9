"""Protocols of user-service."""
