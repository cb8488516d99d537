"""How buckets in AIStore's namespaces are called where a name is all there is: in the store, and
wherever access is decided.

The bucket `b` of the namespace `ns` is `#ns/b` there, one of no namespace just `b`. No bucket of S3
has a name like that: S3's front end refuses one with a slash.
"""

from __future__ import annotations


def stored_name(name: str, namespace: str) -> str:
    return f"#{namespace}/{name}" if namespace else name


def parted(stored: str) -> tuple[str, str]:
    """The bucket's own name, and the namespace, empty for none."""
    if not stored.startswith("#"):
        return stored, ""
    namespace, _, name = stored[1:].partition("/")
    return name, namespace


def is_in_namespace(stored: str) -> bool:
    return stored.startswith("#")


def in_arns(stored: str) -> str:
    """For the resource of a policy: no slash, lest the bucket be taken for a key of another."""
    return stored.replace("/", "#", 1) if is_in_namespace(stored) else stored
