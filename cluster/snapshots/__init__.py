"""Snapshots of remote buckets' names, to list from without their backends."""
