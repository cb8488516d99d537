"""The database of a cluster: PostgreSQL, by its addresses, and its schema."""
