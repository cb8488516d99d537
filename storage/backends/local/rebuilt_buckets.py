"""Buckets while an index is rebuilt, by label and by old id.

Each has the same id in every new index. A bucket that is in no index is created from the labels of
its blobs: with versioning, if one of them has a version id. What was in the trash stays removed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import apsw
import msgspec

from storage.backends.local import index
from storage.backends.local.salvage import Salvage
from storage.blobs.labels import ObjectLabel, SidecarLabel
from storage.index.rows import decode_bucket, encode
from storage.values import NULL_VERSION, BucketInfo, Versioning


def _decoded(row: bytes) -> BucketInfo | None:
    """None when it cannot be read."""
    try:
        return decode_bucket(row)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


class RebuiltBuckets:
    """`names` are the present names by label, of those that have another."""

    def __init__(self, targets: Sequence[apsw.Connection], names: Mapping[str, str]) -> None:
        self._targets = targets
        self._names = names
        self._ids: dict[str, int] = {}
        self._old: dict[int, str] = {}
        self._trash: dict[int, str] = {}
        self._made: dict[str, BucketInfo] = {}
        self._taken: set[str] = set()

    @property
    def total(self) -> int:
        return len(self._ids)

    def add_salvaged(self, salvage: Salvage) -> None:
        """The first mountpath comes first: it is right about what others have otherwise."""
        for old, row in salvage.rows("trash", "id"):
            info = _decoded(row)
            if old not in self._old and info and not salvage.is_doubtful("trash", old):
                self._trash[old] = info.lasting_name
        for old, _, _, row in salvage.rows("buckets", "id"):
            info = _decoded(row)
            if old not in self._trash and info:
                self._old[old] = info.lasting_name
                self._add(info)

    def count_on(self, first: Salvage) -> None:
        """The number that grows with every change must not fall; if it is lost, the
        time is higher than any that was counted."""
        counted = [value for name, value in first.rows("counters", "name") if name == "buckets"]
        value = max(counted, default=int(time.time())) + 1
        self._targets[0].execute("INSERT INTO counters VALUES('buckets', ?)", (value,))

    def is_known(self, old: int) -> bool:
        return old in self._old or old in self._trash

    def adopt(self, old: int, label: ObjectLabel | SidecarLabel | None) -> str:
        """A bucket that has lost its row; without a label it gets a name that says so. Returns
        its name."""
        if label is None:
            info = BucketInfo(f"lost-bucket-{old}", "", time.time_ns())
            self._old[old] = info.lasting_name
            return self._add(info).name
        self.by_label(label)
        self._old[old] = label.bucket
        return self._names.get(label.bucket, label.bucket)

    def old_name(self, old: int) -> str:
        """What the reader of a report knows the bucket by."""
        label = self._old.get(old) or self._trash.get(old)
        return f"bucket {old}" if label is None else self._names.get(label, label)

    def is_trash(self, old: int) -> bool:
        return old in self._trash

    def is_gone(self, label: str) -> bool:
        """Whether what has that label was in a bucket that was in the trash."""
        if label in self._ids:
            return False
        return label in self._trash.values() or self._names.get(label) == ""

    def by_old_id(self, old: int) -> int | None:
        label = self._old.get(old)
        return None if label is None else self._ids[label]

    def by_label(self, label: ObjectLabel | SidecarLabel) -> int:
        if label.bucket not in self._ids:
            name = self._names.get(label.bucket, label.bucket)
            own = "" if name == label.bucket else label.bucket
            info = BucketInfo(name, label.owner, label.row.modified_ns, label=own)
            self._made[label.bucket] = self._add(info)
        made = self._made.get(label.bucket)
        if made and label.row.version != NULL_VERSION:
            self._enable_versioning(self._made.pop(label.bucket))
        return self._ids[label.bucket]

    def _enable_versioning(self, made: BucketInfo) -> None:
        info = msgspec.structs.replace(made, versioning=Versioning.ENABLED)
        for target in self._targets:
            values = (encode(info), self._ids[info.lasting_name])
            target.execute("UPDATE buckets SET row = ? WHERE id = ?", values)

    def _add(self, info: BucketInfo) -> BucketInfo:
        label = info.lasting_name
        if label in self._ids:
            return info
        key = self._ids[label] = len(self._ids) + 1
        if info.name in self._taken:
            # Two indexes have different buckets of one name, after a crash: both are kept.
            info = msgspec.structs.replace(info, name=f"{info.name}-{key}", label=label)
        self._taken.add(info.name)
        for target in self._targets:
            row = (key, info.name, index.ACTIVE, encode(info))
            target.execute("INSERT INTO buckets VALUES(?, ?, ?, ?)", row)
            target.execute("INSERT INTO usage VALUES(?, 0, 0)", (key,))
            if info.label:
                target.execute("INSERT INTO labels VALUES(?, ?)", (info.label, key))
        return info
