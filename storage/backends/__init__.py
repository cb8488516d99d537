"""Backends, one module each, independent of one another."""
