"""Istio: installing it, joining it, its policies and its gateway."""
