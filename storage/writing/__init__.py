"""Writes of objects in any store: bytes first, then the commit.

A body becomes blobs or bytes for the index, and then one mutation names them. This room knows
neither the index nor its engine: a `Destination` has the folder, and how to commit.
"""
