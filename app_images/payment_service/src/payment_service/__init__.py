"""Payments of the shop: taken once, given back once."""
