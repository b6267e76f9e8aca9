"""Kubernetes objects of the node itself: access rules, storage classes, DNS; and what waits for them."""
