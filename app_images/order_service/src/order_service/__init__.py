"""Orders of the shop: stored, paid, and settled despite failures in between."""
