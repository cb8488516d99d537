"""Which bucket a name stands for now.

The first mountpath's index says it, and a rename is one commit there. A lone mountpath is asked for
objects by the bucket's name. Of several, an object's place depends on the bucket's label, and the
others know the bucket by its id: what the first one said is remembered for as long as the count in
the file of the buckets' lock shows that no bucket was made, changed or removed by anybody.
"""

from __future__ import annotations

from storage.backends.local.count import Count
from storage.backends.local.disk import Disk
from storage.backends.local.versions import Bucket

_REMEMBERED = 1024


class Names:
    """For one event loop."""

    def __init__(self, first: Disk) -> None:
        self._first = first
        self._count = Count(first.mountpath.buckets_lock)
        self._known: dict[str, Bucket] = {}
        self._as_of = -1

    def find(self, name: str) -> Bucket:
        """Raises `BucketNotFound`."""
        if self._first.is_alone:
            return self._first.bucket(name)
        count = self._count.read()
        if count != self._as_of:
            self._known.clear()
            self._as_of = count
        found = self._known.get(name)
        if found is None:
            found = self._first.bucket(name)
            # What is read while something changes may be another thing a moment later.
            if count % 2 == 0 and len(self._known) < _REMEMBERED:
                self._known[name] = found
        return found

    def begin_change(self) -> None:
        """By the holder of the buckets' lock."""
        self._count.begin()

    def end_change(self) -> None:
        self._count.settle()

    def close(self) -> None:
        self._count.close()
