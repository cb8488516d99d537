"""Stored names of buckets in AIStore's namespaces.

They are used where a bucket has only a name: in the store, and in access control. The bucket `b` of
the namespace `ns` is `#ns/b` there, and `b` if it is not in a namespace. This cannot collide with
S3's buckets: S3's front end refuses names with a slash. The bucket `b` of the backend `aws` is
`aws/b` there (`storage.tier`).
"""

from __future__ import annotations


def stored_name(name: str, namespace: str) -> str:
    return f"#{namespace}/{name}" if namespace else name


def parted(stored: str) -> tuple[str, str]:
    """Return the bucket's own name, and the namespace, which may be empty."""
    if not stored.startswith("#"):
        return stored.rpartition("/")[2], ""
    namespace, _, name = stored[1:].partition("/")
    return name, namespace


def is_in_namespace(stored: str) -> bool:
    return stored.startswith("#")


def in_arns(stored: str) -> str:
    """Return the name for the resource of a policy: without a slash, so that the bucket cannot be
    mistaken for a key in another bucket. A bucket of a backend has its own name there, as it has
    for S3's clients."""
    if is_in_namespace(stored):
        return stored.replace("/", "#", 1)
    return stored.rpartition("/")[2]
