"""Dsort: records of shards, sorted by their keys into new shards."""
