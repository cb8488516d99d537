"""Rebuilding of a lost or damaged index.

The new index is built from what can be read of the old one, and from the labels of blobs.

Versions with an id of their own all come back, in the order of `modified_ns`. Of the null versions
of a name the newest wins, and a row of the old index wins over a label of the same time, because
metadata may have been changed since the blob was written. Objects that are only in the index
(`inline_limit` bytes and less) and delete markers come back only as far as the pages of the old
index and of its log can be read. A row on a damaged page counts if its bytes match their digest,
and is named in the report. Without the old index an object that was deleted may come back, one that
was renamed comes back under its first name, and a bucket has the name in `buckets.json`. Blobs that
lose stay where they are: `fsck.check` reports them, and moves them to quarantine if it is to
repair.

The new index is written beside the old one and renamed at the end, so that a crash leaves the old.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec
from msgspec import Struct

from storage.backends.local import index
from storage.backends.local.acknowledged import lost_commits, stamp
from storage.backends.local.bucket_names import read_names
from storage.backends.local.crossing import settled
from storage.backends.local.garbage import blob_of_garbage
from storage.backends.local.histories import Histories
from storage.backends.local.mountpath import Mountpath, lock_folders, read_mountpaths
from storage.backends.local.rebuilt_buckets import RebuiltBuckets
from storage.backends.local.salvage import Salvage
from storage.backends.local.walk import usage_of
from storage.blobs.blob import read_footer
from storage.blobs.folder import blobs_on, sync_folder
from storage.blobs.labels import Label, ObjectLabel, PartLabel, SidecarLabel
from storage.blobs.location import is_proven, is_right
from storage.errors import Corrupt, StorageError
from storage.index.rows import Inline, encode
from storage.sqlite.shape import shape_file

_FILES = ("index.db", "index.db-wal", "index.db-shm", "index.db-shape")


@dataclass
class _Counts:
    buckets: int = 0
    salvaged: int = 0
    inline: int = 0
    from_labels: int = 0
    uploads: int = 0
    parts: int = 0
    unreadable: list[str] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)


class Rebuilt(Struct, frozen=True):
    """`salvaged` objects came from the old index, `inline` of them live only there; `from_labels`
    came from blobs. `unreadable` says which pages are lost, and of what: inline objects may be gone
    with them. `incomplete` names objects and blobs that could not be restored, and why."""

    buckets: int
    salvaged: int
    inline: int
    from_labels: int
    uploads: int
    parts: int
    unreadable: tuple[str, ...]
    incomplete: tuple[str, ...]
    set_aside: tuple[Path, ...]


def rebuild(paths: Sequence[Path]) -> Rebuilt:
    """Raises `MountpathError`, also when a server runs on the folders."""
    with lock_folders(paths), index.translated():
        mountpaths = read_mountpaths(paths)
        counts = _build(mountpaths)
        aside = tuple(_swap(mountpath) for mountpath in mountpaths)
    return Rebuilt(
        counts.buckets,
        counts.salvaged,
        counts.inline,
        counts.from_labels,
        counts.uploads,
        counts.parts,
        tuple(counts.unreadable),
        tuple(counts.incomplete),
        aside,
    )


def _settle_renames(mountpaths: Sequence[Mountpath], salvages: Sequence[Salvage]) -> None:
    """If what the indexes say of them can be read. Else an object may be met under both names, and
    the first one that is met has it."""
    connections = [salvage.connection for salvage in salvages]
    with suppress(apsw.Error, StorageError, msgspec.MsgspecError, KeyError), ExitStack() as stack:
        stack.enter_context(settled(mountpaths, connections))


def _new_index(mountpath: Mountpath) -> Path:
    return mountpath.path / "index.new.db"


def _build(mountpaths: Sequence[Mountpath]) -> _Counts:
    counts = _Counts()
    with ExitStack() as stack:
        salvages = [Salvage(stack, mountpath, counts.unreadable) for mountpath in mountpaths]
        _settle_renames(mountpaths, salvages)
        targets = [_fresh(stack, mountpath) for mountpath in mountpaths]
        buckets = RebuiltBuckets(targets, read_names(mountpaths))
        for salvage in salvages:
            buckets.add_salvaged(salvage)
        for mountpath, salvage in zip(mountpaths, salvages, strict=True):
            _adopt_buckets(mountpath, salvage, buckets, counts)
        buckets.count_on(salvages[0])
        rebuilds: list[_Rebuild] = []
        for mountpath, salvage, target in zip(mountpaths, salvages, targets, strict=True):
            rebuilds.append(_Rebuild(mountpath, salvage, target, buckets, counts, rebuilds))
        for each in rebuilds:
            each.salvage_rows()
        for each in rebuilds:
            each.restore()
        counts.buckets = buckets.total
        for mountpath, salvage, target in zip(mountpaths, salvages, targets, strict=True):
            if lost := lost_commits(mountpath, salvage.connection):
                counts.unreadable.append(f"{mountpath.index}: its last {lost} commits are lost")
            stamp(target, mountpath, 0)
        for target in targets:
            target.execute("COMMIT")
            target.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    return counts


def _adopt_buckets(
    mountpath: Mountpath, salvage: Salvage, buckets: RebuiltBuckets, counts: _Counts
) -> None:
    """Buckets whose own rows are lost, but not those of their objects: a blob has the name."""
    for old in salvage.buckets_of_objects():
        if not buckets.is_known(old):
            name = buckets.adopt(old, _any_label(mountpath, salvage, old))
            counts.incomplete.append(f"{name}: the settings of the bucket are lost")


def _any_label(
    mountpath: Mountpath, salvage: Salvage, bucket: int
) -> ObjectLabel | SidecarLabel | None:
    for row in salvage.objects_of(bucket):
        with suppress(OSError, Corrupt):
            label = read_footer(mountpath.blob(row.own_blob() or "")).label
            if not isinstance(label, PartLabel):
                return label
    return None


def _fresh(stack: ExitStack, mountpath: Mountpath) -> apsw.Connection:
    path = _new_index(mountpath)
    for suffix in ("", "-wal", "-shm", "-shape"):
        with suppress(FileNotFoundError):
            os.unlink(f"{path}{suffix}")
    index.create(path)
    connection = index.connect(path)
    stack.callback(connection.close)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def _swap(mountpath: Mountpath) -> Path:
    """The old index aside, the new one in its place."""
    number = sum(1 for _ in mountpath.quarantine.glob("index-*"))
    aside = mountpath.quarantine / f"index-{number}"
    aside.mkdir()
    for name in _FILES:
        with suppress(FileNotFoundError):
            os.rename(mountpath.path / name, aside / name)
    os.rename(shape_file(_new_index(mountpath)), shape_file(mountpath.index))
    os.rename(_new_index(mountpath), mountpath.index)
    sync_folder(mountpath.path)
    return aside


class _OldRow(NamedTuple):
    """A version in the old index; `age` is None if it was in `objects`."""

    bucket: int
    name: bytes
    age: int | None
    encoded: bytes
    payload: int | None
    doubtful: bool


@dataclass
class _Rebuild:
    """Fills the new index of one mountpath."""

    mountpath: Mountpath
    salvage: Salvage
    target: apsw.Connection
    buckets: RebuiltBuckets
    counts: _Counts
    all: Sequence[_Rebuild]
    garbage: set[str] = field(default_factory=set)

    def salvage_rows(self) -> None:
        """All indexes first: a row may name blobs on another mountpath."""
        for old, name, row, payload in self.salvage.rows("objects", "bucket, name"):
            doubtful = self.salvage.is_doubtful("objects", old, name)
            self._salvage_version(_OldRow(old, name, None, row, payload, doubtful))
        for old, name, age, _, row, payload in self.salvage.rows("versions", "bucket, name, age"):
            doubtful = self.salvage.is_doubtful("versions", old, name, age)
            self._salvage_version(_OldRow(old, name, age, row, payload, doubtful))
        self._salvage_uploads()
        self.garbage = self.salvage.garbage()

    def restore(self) -> None:
        garbage = {blob_of_garbage(name)[0] for each in self.all for name in each.garbage}
        for blob in blobs_on(self.mountpath):
            if blob not in garbage and not _is_named(blob, self.all):
                self._restore(blob)
        self._salvage_garbage(self.garbage)
        self.counts.from_labels += self.histories.finish()
        for bucket, (objects, size) in usage_of(self.target).items():
            sql = "UPDATE usage SET objects = ?, bytes = ? WHERE bucket = ?"
            self.target.execute(sql, (objects, size, bucket))

    def __post_init__(self) -> None:
        self.histories = Histories(self.target)

    def _salvage_version(self, old: _OldRow) -> None:
        if self.buckets.is_trash(old.bucket):
            return
        row, bucket = self.salvage.row(old.encoded), self.buckets.by_old_id(old.bucket)
        if row is None or bucket is None:
            self._leave(old, "its row or its bucket is unreadable")
            return
        content = self.salvage.payload(old.payload)
        if old.payload is not None and content is None:
            self._leave(old, "its bytes, or where they are, were on a page that is lost")
            return
        if _is_named(row.own_blob(), [each for each in self.all if each is not self]):
            self._leave(old, "another name has its blob")
            return
        if old.doubtful or self.salvage.is_doubtful("payloads", old.payload):
            if not is_proven(row, content, self.mountpath):
                self._leave(old, "it was on a damaged page, and nothing proves it right")
                return
            self._leave(old, "its bytes are right; its metadata were on a damaged page")
        elif isinstance(row.location, Inline) and not is_right(row, content):
            self._leave(old, "its bytes are not those that were stored")
            return
        self.histories.salvage(bucket, old.name, old.age, row, content)
        self.counts.salvaged += not row.delete_marker
        self.counts.inline += isinstance(row.location, Inline)

    def _leave(self, old: _OldRow, why: str) -> None:
        name = old.name.decode(errors="backslashreplace")
        self.counts.incomplete.append(f"{self.buckets.old_name(old.bucket)}/{name}: {why}")

    def _salvage_uploads(self) -> None:
        for old, name, upload, row in self.salvage.rows("uploads", "bucket, name, id"):
            bucket = self.buckets.by_old_id(old)
            if bucket is not None:
                values = (bucket, name, upload, row)
                self.target.execute("INSERT INTO uploads VALUES(?, ?, ?, ?)", values)
                self.counts.uploads += 1
        for part in self.salvage.rows("parts", "upload, number"):
            self.target.execute("INSERT INTO parts VALUES(?, ?, ?)", part)
            self.counts.parts += 1

    def _salvage_garbage(self, garbage: set[str]) -> None:
        """Each blob by itself: with the server stopped, there are no readers."""
        rows = [(encode([blob]),) for blob in sorted(garbage)]
        self.target.executemany("INSERT INTO garbage(blobs) VALUES(?)", rows)

    def _restore(self, blob: str) -> None:
        try:
            label: Label = read_footer(self.mountpath.blob(blob)).label
        except Corrupt as error:
            self.counts.incomplete.append(str(error))
            return
        if self.buckets.is_gone(label.bucket):
            self.garbage.add(blob)
        elif isinstance(label, PartLabel):
            self._restore_part(label)
        else:
            self._restore_object(label)

    def _restore_object(self, label: ObjectLabel | SidecarLabel) -> None:
        bucket, name = self.buckets.by_label(label), label.name.encode()
        if self.histories.has_newer(bucket, name, label.row):
            return
        if missing := self._missing_parts(label):
            self.counts.incomplete.append(f"{label.bucket}/{label.name}: {missing} parts missing")
            return
        content = encode(label.manifest) if isinstance(label, SidecarLabel) else None
        self.histories.restore(bucket, name, label.row, content)

    def _missing_parts(self, label: ObjectLabel | SidecarLabel) -> int:
        if isinstance(label, ObjectLabel):
            return 0
        blobs = label.manifest.blobs()
        return sum(not os.path.exists(self.mountpath.blob(blob)) for blob in blobs)

    def _restore_part(self, label: PartLabel) -> None:
        """Only for an upload that is still there; others belong to a sidecar, or are orphans."""
        sql = "SELECT 1 FROM uploads WHERE id = ?"
        if self.target.execute(sql, (label.upload,)).get is not None:
            values = (label.upload, label.part.info.number, encode(label.part))
            self.target.execute("INSERT OR IGNORE INTO parts VALUES(?, ?, ?)", values)
            self.counts.parts += self.target.changes()


def _is_named(blob: str | None, rebuilds: Iterable[_Rebuild]) -> bool:
    return blob is not None and any(each.histories.names(blob) for each in rebuilds)
