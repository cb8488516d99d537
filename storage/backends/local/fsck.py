"""Check of index and blobs against one another, with the server stopped.

What may be the only copy of an object is never deleted: a blob without a row is moved to
`quarantine`. `rebuild` is in a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct

from storage.backends.local import index
from storage.backends.local.bucket_names import bucket_with_label
from storage.backends.local.garbage import blob_of_garbage, decode_blobs
from storage.backends.local.mountpath import Mountpath, read_mountpaths
from storage.backends.local.rebuild import Rebuilt, rebuild
from storage.backends.local.recovery import prepare
from storage.backends.local.transaction import SqliteTransaction
from storage.backends.local.walk import Found, objects_of, parts_of, usage_of, versions_of
from storage.blobs.blob import read_footer
from storage.blobs.folder import blobs_on, set_aside
from storage.blobs.labels import ObjectLabel, SidecarLabel, labelled_blob
from storage.errors import Corrupt
from storage.index.rows import Chunk, Row, decode_row
from storage.sqlite.connection import keep_plans

__all__ = ["Finding", "Rebuilt", "Report", "check", "rebuild"]


class Finding(Struct, frozen=True):
    """Something wrong. `blob` is empty when it is about the index, `name` when about no object."""

    mountpath: Path
    problem: str
    bucket: str = ""
    name: str = ""
    blob: str = ""


class Report(Struct, frozen=True):
    """What a check saw. `objects` counts every version that is not a delete marker. `damaged`: rows
    whose bytes are missing or cut. `orphans`: blobs without a row. `counters`: usage that was
    wrong. `index`: what SQLite says of the index itself, and rows in a place where they may not
    be."""

    objects: int = 0
    parts: int = 0
    blobs: int = 0
    damaged: tuple[Finding, ...] = ()
    orphans: tuple[Finding, ...] = ()
    counters: tuple[Finding, ...] = ()
    index: tuple[Finding, ...] = ()
    repaired: bool = False

    @property
    def clean(self) -> bool:
        return not (self.damaged or self.orphans or self.counters or self.index)


def check(paths: Sequence[Path], *, repair: bool = False) -> Report:
    """Also recovers, as any start does. `repair` moves orphans away and corrects the counters.

    Raises `MountpathError`, also when a server runs on the folders.
    """
    try:
        locks = prepare(paths)
    except Corrupt as error:
        return Report(index=(Finding(paths[0], f"{error}; rebuild the index"),))
    with locks, index.translated():
        checks = _run(read_mountpaths(paths), repair=repair)
    return Report(
        objects=sum(each.objects for each in checks),
        parts=sum(each.parts for each in checks),
        blobs=sum(each.blobs for each in checks),
        damaged=tuple(finding for each in checks for finding in each.damaged),
        orphans=tuple(finding for each in checks for finding in each.orphans),
        counters=tuple(finding for each in checks for finding in each.counters),
        index=tuple(finding for each in checks for finding in each.index),
        repaired=repair,
    )


def _run(mountpaths: Sequence[Mountpath], *, repair: bool) -> list[_Check]:
    """All rows first: they name blobs on other mountpaths too, and where they cannot all be read,
    no blob can be called an orphan."""
    by_uuid = {mountpath.uuid: mountpath for mountpath in mountpaths}
    with closing(apsw.Connection("")) as known:  # a file, so that it may be large
        keep_plans(known)
        known.execute("CREATE TABLE known(blob TEXT PRIMARY KEY) WITHOUT ROWID")
        checks = [_Check(mountpath, by_uuid, known, repair) for mountpath in mountpaths]
        for each in checks:
            each.run(each.check_rows)
        if all(each.readable for each in checks):
            for each in checks:
                each.run(each.check_blobs)
    return checks


@dataclass
class _Check:
    """The check of one mountpath; what it found so far."""

    mountpath: Mountpath
    by_uuid: Mapping[str, Mountpath]
    known: apsw.Connection
    repair: bool
    readable: bool = True
    objects: int = 0
    parts: int = 0
    blobs: int = 0
    damaged: list[Finding] = field(default_factory=list)
    orphans: list[Finding] = field(default_factory=list)
    counters: list[Finding] = field(default_factory=list)
    index: list[Finding] = field(default_factory=list)

    def run(self, part: Callable[[apsw.Connection], None]) -> None:
        with closing(index.connect(self.mountpath.index)) as connection:
            try:
                part(connection)
            except apsw.Error as error:
                problem = index.storage_error(error)
                if not isinstance(problem, Corrupt):
                    raise
                self.readable = False
                self.index.append(self._finding(f"{problem}; rebuild the index"))

    def _finding(self, problem: str, bucket: str = "", name: str = "", blob: str = "") -> Finding:
        return Finding(self.mountpath.path, problem, bucket, name, blob)

    def _check_index(self, connection: apsw.Connection) -> None:
        for (line,) in connection.execute("PRAGMA integrity_check").fetchall():
            if line != "ok":
                self.index.append(self._finding(str(line)))

    def check_rows(self, connection: apsw.Connection) -> None:
        self._check_index(connection)
        self.known.execute("BEGIN")
        try:
            self._check_rows(connection)
            self._check_counters(connection)
        finally:
            self.known.execute("COMMIT")

    def _check_rows(self, connection: apsw.Connection) -> None:
        for found in chain(objects_of(connection), self._history(connection)):
            self.objects += not found.row.delete_marker
            self._check_place(connection, found)
            where = self.by_uuid.get(found.row.mountpath, self.mountpath)
            for chunk in found.chunks():
                self._check_chunk(where, chunk, found.bucket, found.name)
            if sidecar := found.sidecar():
                chunk = Chunk(sidecar, 0, b"")
                self._check_chunk(where, chunk, found.bucket, found.name)
        for upload, part in parts_of(connection):
            self.parts += 1
            if part.chunk:
                name = f"part {part.info.number} of upload {upload}"
                self._check_chunk(self.mountpath, part.chunk, "", name)
        garbage: Any = connection.execute("SELECT blobs FROM garbage").fetchall()
        for (blobs,) in garbage:
            self._know(*(blob_of_garbage(name)[0] for name in decode_blobs(blobs)))

    def _history(self, connection: apsw.Connection) -> Iterator[Found]:
        """The rows in `versions`, each checked for whether it may be there."""
        last: tuple[int, str] | None = None
        current: Row | None = None
        for found in versions_of(connection):
            if (found.key, found.name) != last:
                last, current = (found.key, found.name), _current(connection, found)
                if current is None and not found.row.delete_marker:
                    self._misplaced("no version is current, and the newest is not a marker", found)
            if found.version != found.row.version:
                self._misplaced(f"version {found.version} is {found.row.version}", found)
            if current is not None and current.version == found.version:
                self._misplaced(f"version {found.version} stands there twice", found)
            yield found

    def _misplaced(self, problem: str, found: Found) -> None:
        self.index.append(self._finding(f"{problem}; rebuild the index", found.bucket, found.name))

    def _check_place(self, connection: apsw.Connection, found: Found) -> None:
        if found.age is None and found.row.delete_marker:
            self._misplaced("a delete marker stands among the objects", found)
        if found.row.label and not _is_noted(connection, found):
            self._misplaced(f"no note that it was renamed from {found.row.label}", found)

    def _check_chunk(self, where: Mountpath, chunk: Chunk, bucket: str, name: str) -> None:
        self._know(chunk.blob)
        try:
            footer = read_footer(where.blob(chunk.blob))
        except FileNotFoundError:
            self.damaged.append(self._finding("blob missing", bucket, name, chunk.blob))
        except Corrupt as error:
            self.damaged.append(self._finding(str(error), bucket, name, chunk.blob))
        else:
            if footer.size != chunk.size:
                problem = f"blob has {footer.size} bytes, the row says {chunk.size}"
                self.damaged.append(self._finding(problem, bucket, name, chunk.blob))
            elif labelled_blob(footer.label) != chunk.blob:
                problem = "another blob lies in its place"
                self.damaged.append(self._finding(problem, bucket, name, chunk.blob))

    def _know(self, *blobs: str) -> None:
        rows = [(blob,) for blob in blobs]
        self.known.executemany("INSERT OR IGNORE INTO known VALUES(?)", rows)

    def check_blobs(self, connection: apsw.Connection) -> None:
        for blob in blobs_on(self.mountpath):
            self.blobs += 1
            sql = "SELECT 1 FROM known WHERE blob = ?"
            if self.known.execute(sql, (blob,)).get is None:
                self._orphan(connection, blob)

    def _orphan(self, connection: apsw.Connection, blob: str) -> None:
        """To quarantine even if its name has something newer: it may have been renamed since."""
        bucket, name, replaced = _claim(connection, self.mountpath.blob(blob))
        problem = "replaced since" if replaced else "no row names this blob"
        self.orphans.append(self._finding(problem, bucket, name, blob))
        if self.repair:
            set_aside(self.mountpath, blob)

    def _check_counters(self, connection: apsw.Connection) -> None:
        counted = usage_of(connection)
        kept: Any = connection.execute("SELECT bucket, objects, bytes FROM usage").fetchall()
        for bucket, objects, size in kept:
            if counted.get(bucket, (0, 0)) != (objects, size):
                self.counters.append(self._finding(f"bucket {bucket} counts {objects}, {size} B"))
        if self.repair and self.counters:
            _write_counters(connection, counted)


def _current(connection: apsw.Connection, found: Found) -> Row | None:
    sql = "SELECT row FROM objects WHERE bucket = ? AND name = ?"
    row: Any = connection.execute(sql, (found.key, found.name.encode())).get
    return None if row is None else decode_row(row)


def _is_noted(connection: apsw.Connection, found: Found) -> bool:
    sql = "SELECT name FROM renamed WHERE bucket = ? AND label = ? AND blob = ?"
    where = (found.key, found.row.label.encode(), found.row.own_blob())
    name: Any = connection.execute(sql, where).get
    return name is not None and bytes(name) == found.name.encode()


def _claim(connection: apsw.Connection, path: str) -> tuple[str, str, bool]:
    """Whose the blob says it is, and whether the index has that version of that name newer."""
    try:
        label = read_footer(path).label
    except Corrupt:
        return "", "", False
    if not isinstance(label, ObjectLabel | SidecarLabel):
        return label.bucket, label.name, False
    bucket = bucket_with_label(connection, label.bucket)
    replaced = bucket is not None and _has_newer(connection, bucket, label)
    return label.bucket, label.name, replaced


def _has_newer(connection: apsw.Connection, bucket: int, label: ObjectLabel | SidecarLabel) -> bool:
    found = SqliteTransaction(connection).look_up(bucket, label.name.encode(), label.row.version)
    return found is not None and found.row.modified_ns > label.row.modified_ns


def _write_counters(connection: apsw.Connection, counted: dict[int, tuple[int, int]]) -> None:
    rows: Iterator[tuple[int, int, int]] = (
        (bucket, objects, size) for bucket, (objects, size) in counted.items()
    )
    with connection:
        connection.execute("UPDATE usage SET objects = 0, bytes = 0")
        connection.executemany("INSERT OR REPLACE INTO usage VALUES(?, ?, ?)", rows)
