"""The store of a cluster, composed of its parts.

PostgreSQL has the index, and a shared folder the blobs. Any number of processes on any number of
machines share them. Each method of `Backend` belongs to one part, and no part knows the store.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from cluster.bytes.doubt import settle_doubt
from cluster.bytes.shared_folder import Slot, new_slot, open_folder
from cluster.bytes.sweeping import Sweeper
from cluster.database.clock import DatabaseClock
from cluster.database.connecting import Database
from cluster.database.patience import PatientReader
from cluster.index.committing import PATIENCE_S, Committer
from cluster.index.lookups import Lookups
from cluster.objects.buckets import Buckets
from cluster.objects.edge import at_edge
from cluster.objects.reader import ObjectReader
from cluster.objects.uploads import Uploads
from cluster.objects.writer import ObjectWriter
from storage.access_times import AccessTimes
from storage.blobs.blob import BLOCK
from storage.blobs.reader import BlobReader
from storage.blobs.space import free_bytes, used_share
from storage.blobs.threads import Threads
from storage.capabilities import ALL_CAPABILITIES
from storage.clock import Clock
from storage.values import Usage
from storage.writing.destination import Destination
from storage.writing.objects import ObjectBodies
from storage.writing.parts import UploadBodies
from storage.writing.rechunking import Rewriter
from storage.writing.writers import Watermarks, Writers

_USAGE = """
SELECT (SELECT count(*) FROM s3gw.buckets), coalesce(sum(objects), 0)::bigint,
    coalesce(sum(bytes), 0)::bigint
FROM (SELECT * FROM s3gw.usage UNION ALL SELECT * FROM s3gw.usage_delta) counted
WHERE bucket IN (SELECT id FROM s3gw.buckets)"""


class ClusterOptions(Struct, frozen=True):
    """`inline_limit`: objects of at most so many bytes live in the index. `reserve_bytes`: free
    space of the folder that no upload may take. `threads`: concurrent jobs on it. `patience_s`: how
    long a request waits for the database. `connections`: of this process for commits; there are
    others for reads, which do not wait for locks."""

    inline_limit: int = 8 << 10
    reserve_bytes: int = 64 << 20
    threads: int = 16
    patience_s: float = PATIENCE_S
    connections: int = 4
    read_connections: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.inline_limit < BLOCK:
            raise ValueError(f"inline_limit must be 0 to {BLOCK - 1}, not {self.inline_limit}")


class Place(Struct, frozen=True):
    """Where a cluster is: the database's `postgresql://` URL, the shared folder, and the id of this
    node, which no other has. `access_times` is a file of this node."""

    address: str
    folder: Path
    node: str
    access_times: Path | None = None


class _Index(NamedTuple):
    """`reads` has connections of its own: those of `database` may all wait for locks."""

    database: Database
    reads: PatientReader
    lookups: Lookups
    committer: Committer
    clock: Clock


def _index_of(place: Place, clock: Clock | None, options: ClusterOptions) -> _Index:
    patience_s = options.patience_s
    database = Database(place.address, connections=options.connections)
    reads = PatientReader(Database(place.address, connections=options.read_connections), patience_s)
    database_clock = DatabaseClock()
    lookups = Lookups(reads, database_clock)
    committer = Committer(database, patience_s=patience_s, clock=clock)
    return _Index(database, reads, lookups, committer, clock or database_clock)


class ClusterStore:
    """One process' view of the cluster; for one event loop."""

    capabilities = ALL_CAPABILITIES

    def __init__(
        self, place: Place, slot: Slot, clock: Clock | None, options: ClusterOptions
    ) -> None:
        self._slot = slot
        self._reserve = reserve = options.reserve_bytes
        folder, inline_limit = slot.place.folder, options.inline_limit
        self.access_times = AccessTimes(place.access_times)
        self._index = index = _index_of(place, clock, options)
        database, reads, lookups, committer, row_clock = index
        self._threads = threads = Threads(options.threads)
        self._writers = writers = Writers(threads.disk, reserve_bytes=reserve)
        self.sweeper = Sweeper(database, committer, folder, place.node, clock=clock)
        to = Destination(slot.place, committer.run)
        bodies = BlobReader(threads)
        buckets = Buckets(reads, lookups, committer, row_clock)
        reader = ObjectReader(reads, lookups, folder, threads, bodies)
        object_bodies = ObjectBodies(writers, row_clock, inline_limit)
        rewriter = Rewriter(bodies, writers, inline_limit)
        writer = ObjectWriter(lookups, to, object_bodies, rewriter)
        upload_bodies = UploadBodies(writers, row_clock)
        uploads = Uploads(reads, lookups, to, threads, row_clock, bodies, upload_bodies)

        self.create_bucket = at_edge(buckets.create_bucket)
        self.update_bucket = at_edge(buckets.update_bucket)
        self.rename_bucket = at_edge(buckets.rename_bucket)
        self.head_bucket = at_edge(buckets.head_bucket)
        self.delete_bucket = at_edge(buckets.delete_bucket)
        self.discard_bucket = at_edge(buckets.discard_bucket)
        self.list_buckets = at_edge(buckets.list_buckets)
        self.buckets_revision = at_edge(buckets.buckets_revision)

        self.list_objects = at_edge(reader.list_objects)
        self.show_objects = at_edge(reader.show_objects)
        self.list_versions = at_edge(reader.list_versions)
        self.show_versions = at_edge(reader.show_versions)
        self.list_object_parts = at_edge(reader.list_object_parts)
        self.head_object = at_edge(reader.head_object)
        self.get_object = at_edge(reader.get_object)
        self.get_objects = at_edge(reader.get_objects)

        self.put_object = at_edge(writer.put_object)
        self.update_object = at_edge(writer.update_object)
        self.rename_object = at_edge(writer.rename_object)
        self.delete_object = at_edge(writer.delete_object)
        self.delete_objects = at_edge(writer.delete_objects)
        self.rechunk_object = at_edge(writer.rechunk_object)

        self.create_upload = at_edge(uploads.create_upload)
        self.head_upload = at_edge(uploads.head_upload)
        self.list_uploads = at_edge(uploads.list_uploads)
        self.put_part = at_edge(uploads.put_part)
        self.get_part = at_edge(uploads.get_part)
        self.list_parts = at_edge(uploads.list_parts)
        self.complete_upload = at_edge(uploads.complete_upload)
        self.abort_upload = at_edge(uploads.abort_upload)
        self.usage = at_edge(self._usage)

    @classmethod
    async def open(
        cls,
        place: Place,
        *,
        clock: Clock | None = None,
        options: ClusterOptions = ClusterOptions(),  # noqa: B008, a frozen value
    ) -> ClusterStore:
        """Bring the schema up to date, and settle what dead processes of this node left in doubt.
        `clock` is for tests: all times are the database's. Raises `DatabaseAway`,
        `DatabaseRefused`, `MountpathError`."""
        database = Database(place.address, connections=1)
        try:
            await database.open()
            folder = await open_folder(database, place.folder)
            slot = await asyncio.to_thread(new_slot, folder, place.node)
            await settle_doubt(database, folder, place.node)
        finally:
            await database.close()
        return cls(place, slot, clock, options)

    def keep_to(self, watermarks: Watermarks) -> None:
        """Refuse writes by these from now on."""
        self._writers.watermarks = watermarks

    def surplus_bytes(self, low: float, high: float) -> int:
        """Return the bytes to remove so that the folder's file system has at most the share `low`
        of it used; 0 unless it has more than `high`."""
        path = self._slot.place.folder.path
        used, stat = used_share(path), os.statvfs(path)
        return int((used - low) * stat.f_blocks * stat.f_frsize) if used > high else 0

    async def close(self) -> None:
        """End what is under way, and close all connections and files. What is in doubt is for the
        next process."""
        self.access_times.close()
        await self._index.committer.close()
        await self._index.lookups.close()
        await self._index.reads.close()
        await self._index.database.close()
        self._threads.close()
        if not self._slot.files():
            self._slot.remove()
        self._slot.close()

    async def _usage(self) -> Usage:
        rows: Any = await self._index.reads.rows(_USAGE)
        ((buckets, objects, stored),) = rows
        capacity, free, room = await self._threads.run(self._space)
        return Usage(buckets, objects, stored, capacity, free, room)

    def _space(self) -> tuple[int, int, bool]:
        path = self._slot.place.folder.path
        stat = os.statvfs(path)
        free = free_bytes(path)
        return stat.f_blocks * stat.f_frsize, free, free > self._reserve
