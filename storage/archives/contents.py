"""The members of an archive as keys below its own: `shard.tar/images/0001.jpg`.

They are in the order of their UTF-8 bytes, as all keys are; of several members of one name the
first one is there. A member's ETag is made of its archive's and its name, so it lasts as long as
the archive does; the hyphen tells clients that it is no MD5.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import xxhash

from storage.archives.index import ShardIndex
from storage.archives.member import Member
from storage.listing import common_prefix
from storage.values import NO_ATTRIBUTES, ListQuery, ObjectInfo

Row = ObjectInfo | str


@dataclass(frozen=True, slots=True)
class Contents:
    """Those of one archive. Finding a place among a million members takes twenty looks."""

    archive: ObjectInfo
    index: ShardIndex

    @property
    def base(self) -> str:
        return self.archive.name + "/"

    def rows(self, query: ListQuery) -> Iterator[Row]:
        """The members, and the common prefixes of members, that the query leaves."""
        order, base = self.index.order(), self.base
        at = self._begin(order, query)
        while at < len(order):
            name = base + self.index.key(order[at]).decode()
            if not name.startswith(query.prefix):
                return
            common = common_prefix(name, query.prefix, query.delimiter)
            if common is None:
                yield self._info(name, self.index[order[at]])
                at += 1
            else:
                yield common
                at = self._behind(order, common)

    def find(self, inner: str) -> ObjectInfo | None:
        """The member of that very name."""
        order, key = self.index.order(), inner.encode()
        at = bisect_left(order, key, key=self.index.key)
        if at < len(order) and self.index.key(order[at]) == key:
            return self._info(self.base + inner, self.index[order[at]])
        return None

    def _begin(self, order: array[int], query: ListQuery) -> int:
        after = query.after
        if after and common_prefix(after, query.prefix, query.delimiter) == after:
            passed = self._behind(order, after)
        else:
            passed = self._place(order, after, right=True)
        return max(passed, self._place(order, query.prefix, right=False))

    def _place(self, order: array[int], name: str, *, right: bool) -> int:
        """How many members are before the name; with `right`, those of the name too."""
        if not name.startswith(self.base):
            return 0 if name < self.base else len(order)
        inner = name[len(self.base) :].encode()
        bisect = bisect_right if right else bisect_left
        return bisect(order, inner, key=self.index.key)

    def _behind(self, order: array[int], common: str) -> int:
        """How many members are before all that comes behind the common prefix."""
        if self.base.startswith(common):
            return len(order)
        if not common.startswith(self.base):
            return self._place(order, common, right=True)
        inner = common[len(self.base) :].encode()
        return bisect_right(order, inner, key=lambda at: self.index.key(at)[: len(inner)])

    def _info(self, name: str, member: Member) -> ObjectInfo:
        archive = self.archive
        return ObjectInfo(
            name,
            member.size,
            member_etag(archive, name),
            archive.modified_ns,
            NO_ATTRIBUTES,
            version=archive.version,
        )


def member_etag(archive: ObjectInfo, name: str) -> str:
    return xxhash.xxh3_128_hexdigest(f"{archive.etag}/{name}".encode()) + "-1"
