"""Bytes of objects in files: written once, named by labels, verified when read.

A blob is named by a random id and never changes. What a row of an index says of it is its id, its
size and a hash; its label says whose bytes it has. This room knows files and labels; it knows no
engine of an index, and no store.
"""
