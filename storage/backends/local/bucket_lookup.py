"""Lookup of buckets by name, cached until any process changes a bucket.

The first mountpath's index has the names, and a rename is one commit there. Nearly every request
asks for its bucket, so what the index said is kept for as long as the change counter in the file of
the buckets' lock stays the same. That there is none is kept as well: a bucket of a backend is
looked for under a name of our own first. With a single mountpath objects are looked up by the
bucket's name all the same; with several, the place of an object depends on the bucket's label, and
the other indexes know buckets by id only.
"""

from __future__ import annotations

from storage.backends.local.change_counter import ChangeCounter
from storage.backends.local.disk import Disk
from storage.errors import BucketNotFound
from storage.index.versions import Bucket

_MAX_CACHED = 1024


class BucketLookup:
    """For one event loop."""

    def __init__(self, first: Disk) -> None:
        self._first = first
        self._count = ChangeCounter(first.mountpath.buckets_lock)
        self._known: dict[str, Bucket] = {}
        # By themselves, so that names which clients invent do not take the room of the others.
        self._missing: set[str] = set()
        self._as_of = -1

    def find(self, name: str) -> Bucket:
        """Raises `BucketNotFound`."""
        count = self._count.read()
        if count != self._as_of:
            self._known.clear()
            self._missing.clear()
            self._as_of = count
        if name in self._missing:
            raise BucketNotFound(name)
        return self._known.get(name) or self._look_up(name, count)

    def _look_up(self, name: str, count: int) -> Bucket:
        # What is read while something changes may be another thing a moment later.
        is_settled = count % 2 == 0
        try:
            found = self._first.bucket(name)
        except BucketNotFound:
            if is_settled and len(self._missing) < _MAX_CACHED:
                self._missing.add(name)
            raise
        if is_settled and len(self._known) < _MAX_CACHED:
            self._known[name] = found
        return found

    def begin_change(self) -> None:
        """By the holder of the buckets' lock."""
        self._count.begin()

    def end_change(self) -> None:
        self._count.settle()

    def close(self) -> None:
        self._count.close()
