"""Writing of a snapshot: chunks one after the other, then the manifest.

One chunk is in memory at a time. It ends at the asked number of names, or at 8 MiB before
compression.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from msgspec import Raw

from cluster.snapshots.kept import Snapshots
from cluster.snapshots.records import Chunk, Manifest, Snapshot, chunk_key, pack, row_of
from storage.errors import StorageError
from storage.values import ObjectInfo

CHUNK_BYTES = 8 << 20
# Each page of a listing reads the manifest, which has the last name of each chunk.
MOST_CHUNKS = 20_000


class NotTaken(StorageError):
    """A snapshot that cannot be taken; the text says why."""


class SnapshotWriter:
    """One snapshot in progress, of the job `xid`, begun at `started_ns`."""

    def __init__(
        self, kept: Snapshots, snapshot: Snapshot, xid: str, prefix: str, started_ns: int
    ) -> None:
        self._kept = kept
        self._snapshot = snapshot
        self._xid = xid
        self._prefix = prefix
        self._started_ns = started_ns
        self._props = frozenset(snapshot.props)
        self._chunks: list[Chunk] = []
        self._last = ""
        self._rows: list[Raw] = []
        self._bytes = 0

    async def add(self, infos: Sequence[ObjectInfo]) -> None:
        """Add a page of objects. Raise `NotTaken` unless their names are in order, and for too many
        chunks."""
        for info in infos:
            if self._last and info.name <= self._last:
                raise NotTaken(f'the backend lists "{info.name}" after "{self._last}"')
            self._last = info.name
            row = msgspec.msgpack.encode(row_of(info, self._props))
            self._rows.append(Raw(row))
            self._bytes += len(row)
            if len(self._rows) >= self._snapshot.names_per_chunk or self._bytes >= CHUNK_BYTES:
                await self._close_chunk()

    async def finish(self) -> None:
        """Write the last chunk and the manifest. Raise `NotTaken` if another snapshot of the bucket
        was taken meanwhile, which has removed chunks of this one."""
        if self._rows:
            await self._close_chunk()
        snapshot = self._snapshot
        if await self._kept.chunks_of(snapshot.folder, self._xid) < len(self._chunks):
            raise NotTaken("another inventory of the bucket was created meanwhile")
        await self._kept.publish(
            Manifest(
                folder=snapshot.folder,
                bucket=snapshot.bucket,
                name=snapshot.name or self._xid,
                xid=self._xid,
                prefix=self._prefix,
                props=snapshot.props,
                started_ns=self._started_ns,
                chunks=tuple(self._chunks),
            )
        )

    async def _close_chunk(self) -> None:
        if len(self._chunks) == MOST_CHUNKS:
            raise NotTaken(f"it has more than {MOST_CHUNKS} chunks: ask for more names per chunk")
        content = await asyncio.to_thread(pack, self._rows)
        key = chunk_key(self._snapshot.folder, self._xid, len(self._chunks))
        await self._kept.write_chunk(key, content)
        self._chunks.append(Chunk(self._last, len(self._rows), len(content)))
        self._rows, self._bytes = [], 0
