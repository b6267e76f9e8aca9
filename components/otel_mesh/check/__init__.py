"""Checks of what is deployed and of what is about to be deployed."""
