"""Promotion of the server's own files: choosing, reading and writing them."""
