"""Users of the shop, kept in PostgreSQL and cached in Redis."""
