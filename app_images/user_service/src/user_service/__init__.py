"""Users of the shop, stored in PostgreSQL and cached in Redis."""
