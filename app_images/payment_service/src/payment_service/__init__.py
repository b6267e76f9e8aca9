"""Payments of the shop: captured once, refunded once."""
