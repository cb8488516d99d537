"""Dsort: records are extracted from shards, sorted by their keys, and written into new shards."""
