"""Members of an archive as keys below its own: `shard.tar/images/0001.jpg`.

They are in the order of their UTF-8 bytes, as all keys are; of several members of one name the
first one is listed. A member's ETag is built from its archive's and its place in it, so it lasts as
long as the archive does; its hyphen shows clients that it is not an MD5.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import xxhash

from storage.archives.index import ShardIndex
from storage.listing import common_prefix
from storage.values import NO_ATTRIBUTES, ListQuery, ObjectInfo

Row = ObjectInfo | str


class Contents:
    """Those of one archive. Finding a place among a million members takes twenty looks."""

    def __init__(self, archive: ObjectInfo, index: ShardIndex) -> None:
        self.archive = archive
        self.base = archive.name + "/"
        self._index = index
        self._order = index.order()
        self._tag = xxhash.xxh3_128_hexdigest(f"{archive.etag}/{archive.name}".encode())[:24]

    def rows(self, query: ListQuery) -> Iterator[Row]:
        """The members, and the common prefixes of members, that the query leaves."""
        order, base, key = self._order, self.base, self._index.key
        prefix, delimiter = query.prefix, query.delimiter
        at = self._begin(query)
        while at < len(order):
            name = base + key(order[at]).decode()
            if not name.startswith(prefix):
                return
            common = common_prefix(name, prefix, delimiter) if delimiter else None
            if common is None:
                yield self._info(name, order[at])
                at += 1
            else:
                yield common
                at = self._behind(common)

    def find(self, inner: str) -> ObjectInfo | None:
        """The member of that very name."""
        order, key = self._order, inner.encode()
        at = bisect_left(order, key, key=self._index.key)
        if at < len(order) and self._index.key(order[at]) == key:
            return self._info(self.base + inner, order[at])
        return None

    def _begin(self, query: ListQuery) -> int:
        after = query.after
        common = common_prefix(after, query.prefix, query.delimiter)
        # A prefix that the marker is in was a row before it, as among objects.
        passed = self._place(after, right=True) if common is None else self._behind(common)
        return max(passed, self._place(query.prefix, right=False))

    def _place(self, name: str, *, right: bool) -> int:
        """How many members are before the name; with `right`, those of the name too."""
        if not name.startswith(self.base):
            return 0 if name < self.base else len(self._order)
        bisect = bisect_right if right else bisect_left
        return bisect(self._order, name[len(self.base) :].encode(), key=self._index.key)

    def _behind(self, common: str) -> int:
        """Return how many members sort before everything after the common prefix."""
        if self.base.startswith(common):
            return len(self._order)
        if not common.startswith(self.base):
            return self._place(common, right=True)
        inner, key = common[len(self.base) :].encode(), self._index.key
        return bisect_right(self._order, inner, key=lambda at: key(at)[: len(inner)])

    def _info(self, name: str, position: int) -> ObjectInfo:
        archive = self.archive
        return ObjectInfo(
            name,
            self._index.size(position),
            f"{self._tag}{position:08x}-1",
            archive.modified_ns,
            NO_ATTRIBUTES,
            version=archive.version,
        )
