"""Policies that every mesh can express: plain data, rendered for the mesh that is installed."""
