"""The index of a cluster: rows, versions and mutations in PostgreSQL."""
