"""An opened mountpath: its reading connections, its committer, and where it writes."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apsw

from storage.backends.local.committer import Committer
from storage.backends.local.index import connect, storage_error
from storage.backends.local.options import Durability
from storage.backends.local.rows import PartRow, Row, decode_bucket, decode_row, decode_upload
from storage.backends.local.transaction import Transaction
from storage.errors import BucketNotFound, ObjectNotFound, UploadNotFound
from storage.mountpath import Mountpath
from storage.values import BucketInfo, UploadInfo

_FIND = """
SELECT b.id, o.row FROM buckets b LEFT JOIN objects o ON o.bucket = b.id AND o.name = ?2
WHERE b.name = ?1"""
_OPEN = """
SELECT b.id, o.row, p.data FROM buckets b LEFT JOIN objects o ON o.bucket = b.id AND o.name = ?2
LEFT JOIN payloads p ON p.id = o.payload WHERE b.name = ?1"""

_UPLOAD = """
SELECT b.id, u.row FROM buckets b
LEFT JOIN uploads u ON u.bucket = b.id AND u.name = ?2 AND u.id = ?3 WHERE b.name = ?1"""

_COMPLETED = """
SELECT c.row FROM buckets b JOIN completed c ON c.bucket = b.id
WHERE b.name = ?1 AND c.name = ?2 AND c.upload = ?3"""


class Disk:
    """Point lookups run on the event loop's connection: they cost less than a thread hop. Scans
    take a connection of their own from the pool."""

    def __init__(self, mountpath: Mountpath, slot: str, durability: Durability) -> None:
        self.mountpath = mountpath
        self.slot = slot
        (mountpath.work / slot).mkdir(exist_ok=True)
        self.committer = Committer(mountpath, durability)
        self._loop_connection = connect(mountpath.index)
        self._point = self._loop_connection.execute
        self._idle: queue.LifoQueue[apsw.Connection] = queue.LifoQueue()

    def bucket(self, name: str) -> tuple[int, BucketInfo]:
        """Raises `BucketNotFound`."""
        found = self._get("SELECT id, row FROM buckets WHERE name = ?", (name,))
        if found is None:
            raise BucketNotFound(name)
        return found[0], decode_bucket(found[1])

    def find(self, bucket: str, name: str) -> Row | None:
        """The facts of an object. Raises `BucketNotFound`."""
        found = self._get(_FIND, (bucket, name.encode()))
        if found is None:
            raise BucketNotFound(bucket)
        return None if found[1] is None else decode_row(found[1])

    def open(self, bucket: str, name: str) -> tuple[Row, bytes | None]:
        """An object and its payload, in one snapshot. Raises `BucketNotFound`, `ObjectNotFound`."""
        found = self._get(_OPEN, (bucket, name.encode()))
        if found is None:
            raise BucketNotFound(bucket)
        if found[1] is None:
            raise ObjectNotFound(name)
        return decode_row(found[1]), found[2]

    def upload(self, bucket: str, name: str, upload: str) -> UploadInfo:
        """Raises `BucketNotFound`, `UploadNotFound`."""
        found = self._get(_UPLOAD, (bucket, name.encode(), upload))
        if found is None:
            raise BucketNotFound(bucket)
        if found[1] is None:
            raise UploadNotFound(upload)
        return decode_upload(found[1])

    def completed(self, bucket: str, name: str, upload: str) -> bytes | None:
        """The row of the object that the upload became, if it was completed lately."""
        row: bytes | None = self._get(_COMPLETED, (bucket, name.encode(), upload))
        return row

    def parts(self, bucket: str, name: str, upload: str) -> dict[int, PartRow]:
        """For a thread. Raises `UploadNotFound`: without parts is not the same as gone."""
        with self.snapshot() as connection:
            found = connection.execute(_UPLOAD, (bucket, name.encode(), upload)).get
            parts = Transaction(connection).parts(upload)
        if found is None or found[1] is None:
            raise UploadNotFound(upload)
        return parts

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

    def _get(self, sql: str, values: tuple[str | bytes, ...]) -> Any:
        try:
            return self._point(sql, values).get
        except apsw.Error as error:
            raise storage_error(error) from error

    def close(self) -> None:
        self.committer.close()
        self._loop_connection.close()
        while not self._idle.empty():
            self._idle.get_nowait().close()
