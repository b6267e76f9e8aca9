"""Users of the shop, kept in PostgreSQL."""
