"""Adoption: a store of one machine becomes part of a cluster.

The rows of its indexes are copied into the database in the order of their keys, thousands in each
transaction, with a note of the last key. They belong to buckets that have ids but are not in the
table of buckets yet, so no client sees them. Then the copied rows are read back, compared with the
originals, and each blob that they name gets a second name in the shared folder, a hard link. Last,
one transaction adds all buckets, and takes over users, keys and settings.

After a crash the copying continues where it stopped, and all blobs are looked at again. Commits are
counted in each index: if the store has changed since, its copy is removed, and rows are
copied again.
"""
