"""Orders of the shop: taken, paid, and settled whatever fails in between."""
