"""Verification of all blobs beside a running server.

Every block of every blob that a row names is read. It reports and deletes nothing: a damaged blob
may be all that is left of the object.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct
from msgspec.structs import replace

from storage.backends.local import index
from storage.backends.local.mountpath import Mountpath, read_mountpaths
from storage.backends.local.recovery import checked_if_stopped
from storage.backends.local.walk import objects_of, parts_of, versions_of
from storage.blobs.reading import Vanished
from storage.blobs.verifying import blocks_of, fault_of_sidecar
from storage.errors import Corrupt, DeviceFailed
from storage.index.rows import Chunk

# Meanwhile a version may have moved from one table to the other.
_VERSION = """
SELECT row FROM objects WHERE bucket = ?1 AND name = ?2 UNION ALL
SELECT row FROM versions WHERE bucket = ?1 AND name = ?2 AND version = ?3"""
_PART = "SELECT row FROM parts WHERE upload = ? AND number = ?"


class Damage(Struct, frozen=True):
    """An object, or a part of an unfinished upload, whose bytes cannot all be read."""

    mountpath: Path
    bucket: str
    name: str
    blob: str
    reason: str


class Scrubbed(Struct, frozen=True):
    """What was read so far: objects and parts, blobs, bytes; and what was wrong with them."""

    objects: int = 0
    blobs: int = 0
    read_bytes: int = 0
    damage: tuple[Damage, ...] = ()


class _Item(Struct, frozen=True):
    """Something to verify; `again` is the place of its row, to see whether it is still the same.
    `mountpath` is the uuid of the one with its blobs, if that is not the index' own."""

    bucket: str
    name: str
    chunks: tuple[Chunk, ...]
    sidecar: str | None
    again: tuple[str, tuple[int | str | bytes, ...]]
    mountpath: str = ""


def scrub(
    paths: Sequence[Path],
    *,
    rate_bytes_s: float | None = None,
    progress: Callable[[Scrubbed], None] = lambda _: None,
) -> Scrubbed:
    """Blocks its thread. `progress` is called after each object and may raise to stop. Raises
    `Corrupt` for an index that a server would not use."""
    done = Scrubbed()
    pace = RateLimit(rate_bytes_s)
    require_usable(paths)
    with index.translated():
        mountpaths = read_mountpaths(paths)
        by_uuid = {mountpath.uuid: mountpath for mountpath in mountpaths}
        for own in mountpaths:
            with closing(index.connect(own.index)) as connection:
                for item in _items(connection):
                    mountpath = by_uuid[item.mountpath] if item.mountpath else own
                    done = _verify(mountpath, connection, item, done, pace)
                    progress(done)
    return done


def require_usable(paths: Sequence[Path]) -> None:
    """Raise `Corrupt` for an index whose log is damaged, if no server uses it."""
    with index.translated():
        mountpaths = read_mountpaths(paths)
        with checked_if_stopped(mountpaths, [each.index for each in mountpaths]):
            pass


def _items(connection: apsw.Connection) -> Iterator[_Item]:
    for found in chain(objects_of(connection), versions_of(connection)):
        if found.row.delete_marker:
            continue
        again = (_VERSION, (found.key, found.name.encode(), found.row.version))
        chunks = tuple(found.chunks())
        where = found.row.mountpath
        yield _Item(found.bucket, found.name, chunks, found.sidecar(), again, where)
    for upload, part in parts_of(connection):
        name = f"part {part.info.number} of upload {upload}"
        chunks = (part.chunk,) if part.chunk else ()
        yield _Item("", name, chunks, None, (_PART, (upload, part.info.number)))


def _verify(
    mountpath: Mountpath,
    connection: apsw.Connection,
    item: _Item,
    done: Scrubbed,
    pace: RateLimit,
) -> Scrubbed:
    damage = list(done.damage)
    read = 0
    for blob, reason, size in _blobs(mountpath, item, pace):
        read += size
        if reason and _still_named(connection, item):
            damage.append(Damage(mountpath.path, item.bucket, item.name, blob, reason))
    return replace(
        done,
        objects=done.objects + 1,
        blobs=done.blobs + len(item.chunks) + (item.sidecar is not None),
        read_bytes=done.read_bytes + read,
        damage=tuple(damage),
    )


def _blobs(mountpath: Mountpath, item: _Item, pace: RateLimit) -> Iterator[tuple[str, str, int]]:
    """Each blob with what is wrong with it (empty: nothing) and how much of it was read."""
    for chunk in item.chunks:
        try:
            yield chunk.blob, "", _read(mountpath, chunk, pace)
        except (Corrupt, DeviceFailed) as error:
            yield chunk.blob, str(error), chunk.size
        except Vanished:
            yield chunk.blob, "blob missing", 0
    if item.sidecar is not None:
        yield item.sidecar, fault_of_sidecar(mountpath, item.sidecar), 0


def _read(mountpath: Mountpath, chunk: Chunk, pace: RateLimit) -> int:
    for block in blocks_of(mountpath, chunk):
        pace.spend(len(block))
    return chunk.size


def _still_named(connection: apsw.Connection, item: _Item) -> bool:
    """An object that was replaced or deleted while it was read is not damage. Its row names its
    only blob or its sidecar."""
    rows: Any = connection.execute(*item.again).fetchall()
    marker = item.sidecar or item.chunks[0].blob
    return any(marker.encode() in row for (row,) in rows)


class RateLimit:
    """Sleeps so that no more than so many bytes are read in a second."""

    def __init__(self, rate_bytes_s: float | None) -> None:
        self._rate = rate_bytes_s
        self._begun = time.monotonic()
        self._spent = 0

    def spend(self, size: int) -> None:
        if self._rate is None:
            return
        self._spent += size
        ahead = self._spent / self._rate - (time.monotonic() - self._begun)
        if ahead > 0:
            time.sleep(ahead)
