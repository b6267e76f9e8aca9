"""Linkerd: installation, binding and policies."""
