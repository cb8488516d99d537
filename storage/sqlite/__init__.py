"""SQLite's files themselves: checksums, the log, pages; for what SQLite refuses to read."""
