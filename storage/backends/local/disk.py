"""An opened mountpath: its reading connections, its committer and its work folder."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import apsw

from storage.backends.local.committer import Committer
from storage.backends.local.departures import decode_departure
from storage.backends.local.index import connect, storage_error
from storage.backends.local.mountpath import Mountpath
from storage.backends.local.options import Durability
from storage.backends.local.transaction import parts_of
from storage.blobs.folder import BlobPlace
from storage.clock import Clock
from storage.errors import BucketNotFound, StorageError, UploadNotFound
from storage.index.rows import PartRow, Row, decode_bucket, decode_part, decode_row, decode_upload
from storage.index.versions import Bucket, readable
from storage.values import BucketInfo, UploadInfo
from storage.writing.destination import Destination

# One statement each: between two, a version could move from one table to the other. The second
# table is looked at only when the name has no row in the first: that is where a delete marker is.
_LATEST = """
ifnull(o.row, (
    SELECT row FROM versions WHERE bucket = b.id AND name = ?2 ORDER BY age LIMIT 1))"""
# The current version, if no other one has the id: the caller compares.
_VERSION = """
FROM buckets b LEFT JOIN versions v ON v.bucket = b.id AND v.name = ?2 AND v.version = ?3
LEFT JOIN objects o ON o.bucket = b.id AND o.name = ?2 AND v.row IS NULL"""


# Many names cost a fifth of what each alone does. The last name fills the places that are left.
MANY = 32


class _Lookups(NamedTuple):
    """Bucket, row, departure, and the payload of what is to be opened."""

    find: str
    open: str
    find_version: str
    open_version: str
    open_many: str
    upload: str
    completed: str


def _lookups(bucket: str, leaving: str) -> _Lookups:
    return _Lookups(
        f"""
SELECT b.row, {_LATEST}, {leaving} FROM buckets b
LEFT JOIN objects o ON o.bucket = b.id AND o.name = ?2 WHERE {bucket} = ?1""",
        f"""
SELECT b.id, {_LATEST}, {leaving}, p.data FROM buckets b
LEFT JOIN objects o ON o.bucket = b.id AND o.name = ?2
LEFT JOIN payloads p ON p.id = o.payload WHERE {bucket} = ?1""",
        f"""
SELECT b.row, ifnull(v.row, o.row), {leaving} {_VERSION} WHERE {bucket} = ?1""",
        f"""
SELECT b.id, ifnull(v.row, o.row), {leaving}, p.data {_VERSION}
LEFT JOIN payloads p ON p.id = ifnull(v.payload, o.payload) WHERE {bucket} = ?1""",
        f"""
SELECT o.name, o.row, {leaving.replace("?2", "o.name")}, p.data FROM buckets b
JOIN objects o ON o.bucket = b.id LEFT JOIN payloads p ON p.id = o.payload
WHERE {bucket} = ? AND o.name IN ({", ".join("?" * MANY)})""",
        f"""
SELECT b.id, u.row FROM buckets b
LEFT JOIN uploads u ON u.bucket = b.id AND u.name = ?2 AND u.id = ?3 WHERE {bucket} = ?1""",
        f"""
SELECT c.row FROM buckets b JOIN completed c ON c.bucket = b.id
WHERE {bucket} = ?1 AND c.name = ?2 AND c.upload = ?3""",
    )


# A single mountpath looks buckets up by name, and looks for no departures: that costs 2 µs, and it
# has none. With several, the first one's index has given the id of the name.
_ALONE = _lookups("b.name", "NULL")
_AMONG_OTHERS = _lookups("b.id", "(SELECT row FROM leaving WHERE bucket = b.id AND name = ?2)")

# By its name in the index of a lone mountpath, else as it was found in the first one.
Where = str | Bucket


class Disk:
    """Point lookups run on the event loop's connection: they cost less than a thread hop. Scans
    take a connection of their own from the pool."""

    def __init__(
        self,
        mountpath: Mountpath,
        slot: str,
        durability: Durability,
        clock: Clock,
        settle: Callable[[], None],
    ) -> None:
        self.mountpath = mountpath
        (mountpath.work / slot).mkdir(exist_ok=True)
        self.committer = Committer(mountpath, durability, clock, settle)
        self.destination = Destination(BlobPlace(mountpath, slot), self.committer.run)
        self.peers: Mapping[str, Disk] = {mountpath.uuid: self}
        self._loop_connection = connect(mountpath.index)
        self.is_alone = len(mountpath.members) == 1
        self._sql = _ALONE if self.is_alone else _AMONG_OTHERS
        self._point = self._loop_connection.execute
        self._idle: queue.LifoQueue[apsw.Connection] = queue.LifoQueue()

    def where(self, bucket: Bucket) -> Where:
        """What the lookups here take."""
        return bucket.info.name if self.is_alone else bucket

    def bucket(self, name: str) -> Bucket:
        """Raises `BucketNotFound`."""
        found = self._get("SELECT id, row FROM buckets WHERE name = ?", (name,))
        if found is None:
            raise BucketNotFound(name)
        return Bucket(found[0], decode_bucket(found[1]))

    def find(self, bucket: Where, name: str, version: str | None = None) -> Row:
        """The facts of an object. Raises `BucketNotFound`, `ObjectNotFound`, `VersionNotFound`,
        `DeleteMarkerFound`."""
        return readable(self.look_up(bucket, name, version)[1], name, version)

    def look_up(
        self, bucket: Where, name: str, version: str | None
    ) -> tuple[BucketInfo, Row | None]:
        """A bucket, and a version in it, a delete marker too. Raises `BucketNotFound`."""
        found = self._found(self._sql.find, self._sql.find_version, bucket, name, version)
        return decode_bucket(found[0]), self._wanted(found[1], found[2], version)

    def open(
        self, bucket: Where, name: str, version: str | None = None
    ) -> tuple[Row, bytes | None]:
        """An object and its payload, in one snapshot. Raises as `find` does."""
        found = self._found(self._sql.open, self._sql.open_version, bucket, name, version)
        return readable(self._wanted(found[1], found[2], version), name, version), found[3]

    def open_many(
        self, bucket: Where, names: Sequence[str]
    ) -> dict[str, tuple[Row, bytes | None] | StorageError]:
        """What `open` returns or raises for each of at most `MANY` names, all in one snapshot."""
        encoded = [name.encode() for name in names]
        encoded += encoded[-1:] * (MANY - len(encoded))
        rows = self._all(self._sql.open_many, (_key(bucket), *encoded))
        found: dict[str, tuple[Row, bytes | None] | StorageError] = {
            name.decode(): (decode_row(row), payload)
            for name, row, leaving, payload in rows
            if leaving is None
        }
        for name in names:
            if name not in found:
                try:
                    found[name] = self.open(bucket, name)
                except StorageError as error:
                    found[name] = error
        return found

    def upload(self, bucket: Where, name: str, upload: str) -> UploadInfo:
        """Raises `BucketNotFound`, `UploadNotFound`."""
        found = self._get(self._sql.upload, (_key(bucket), name.encode(), upload))
        if found is None:
            raise BucketNotFound(_name(bucket))
        if found[1] is None:
            raise UploadNotFound(upload)
        return decode_upload(found[1])

    def completed(self, bucket: Where, name: str, upload: str) -> bytes | None:
        """The row of the object that the upload became, if it was completed lately."""
        row: bytes | None = self._get(self._sql.completed, (_key(bucket), name.encode(), upload))
        return row

    def parts(self, bucket: Where, name: str, upload: str) -> dict[int, PartRow]:
        """For a thread. Raises `UploadNotFound`: without parts is not the same as gone."""
        with self.snapshot() as connection:
            where = _key(bucket), name.encode(), upload
            found = connection.execute(self._sql.upload, where).get
            parts = parts_of(connection, upload)
        if found is None or found[1] is None:
            raise UploadNotFound(upload)
        return {part.info.number: part for part in parts}

    def part(self, upload: str, number: int) -> PartRow | None:
        """One part of an upload that is there."""
        row = self._get("SELECT row FROM parts WHERE upload = ? AND number = ?", (upload, number))
        return None if row is None else decode_part(row)

    @contextmanager
    def snapshot(self) -> Iterator[apsw.Connection]:
        """A connection in a read transaction, for a thread."""
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = connect(self.mountpath.index)
        try:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)

    def _found(
        self, latest: str, of_version: str, bucket: Where, name: str, version: str | None
    ) -> Any:
        if version is None:
            found = self._get(latest, (_key(bucket), name.encode()))
        else:
            found = self._get(of_version, (_key(bucket), name.encode(), version))
        if found is None:
            raise BucketNotFound(_name(bucket))
        return found

    def _wanted(self, row: bytes | None, leaving: bytes | None, version: str | None) -> Row | None:
        found = _row_of(row, version)
        if leaving is None:
            return found
        departure = decode_departure(leaving)
        arrived = self.peers[departure.mountpath].has_arrived(departure.id)
        return departure.leaves(found, version) if arrived else found

    def has_arrived(self, departure: str) -> bool:
        """Whether an object that was leaving another mountpath is here now."""
        return self._get("SELECT 1 FROM arrived WHERE id = ?", (departure,)) is not None

    def _get(self, sql: str, values: tuple[str | bytes | int, ...]) -> Any:
        try:
            return self._point(sql, values).get
        except apsw.Error as error:
            raise storage_error(error) from error

    def _all(self, sql: str, values: tuple[str | bytes | int, ...]) -> list[Any]:
        try:
            return self._point(sql, values).fetchall()
        except apsw.Error as error:
            raise storage_error(error) from error

    def close(self) -> None:
        self.committer.close()
        self._loop_connection.close()
        while not self._idle.empty():
            self._idle.get_nowait().close()


def _key(bucket: Where) -> str | int:
    return bucket.key if isinstance(bucket, Bucket) else bucket


def _name(bucket: Where) -> str:
    return bucket.info.name if isinstance(bucket, Bucket) else bucket


def _row_of(row: bytes | None, version: str | None) -> Row | None:
    if row is None:
        return None
    decoded = decode_row(row)
    return decoded if version in (None, decoded.version) else None
