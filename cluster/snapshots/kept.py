"""Kept snapshots: their manifests and chunks in the local store."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress

import msgspec
from msgspec import Struct

from cluster.snapshots.records import BUCKET, CHUNKS, Manifest, Row, chunk_key, unpack
from storage.backend import Backend
from storage.errors import BucketExists, BucketNotFound, ObjectNotFound, StorageError
from storage.values import Body, BucketOptions, DeleteRequest, ListQuery, PutOptions, Sealed

_PAGE = 1000


class Snapshots(Struct, frozen=True):
    """`local` is the store without its backends."""

    local: Backend

    async def of(self, folder: str, name: str = "") -> list[Manifest]:
        """Return the snapshots of the bucket with that uname, or the one with that name. With the
        beginning of unames, return those of all such buckets."""
        found = []
        async for key in self._keys(folder):
            if key.startswith(CHUNKS) or (name and not key.endswith(f"/{name}")):
                continue
            with suppress(ObjectNotFound):
                content, finished_ns = await self._read(key)
                manifest = msgspec.json.decode(content, type=Manifest)
                found.append(msgspec.structs.replace(manifest, finished_ns=finished_ns))
        return found

    async def rows(self, manifest: Manifest, number: int) -> list[Row]:
        """Return one chunk's rows. Raise `ObjectNotFound` for a snapshot that was removed."""
        key = chunk_key(manifest.folder, manifest.xid, number)
        content, _ = await self._read(key)
        return unpack(content, key)

    async def write_chunk(self, key: str, content: bytes) -> None:
        await self._write(key, content)

    async def publish(self, manifest: Manifest) -> None:
        """Write the manifest, in the place of one with the same name."""
        await self._write(manifest.key, msgspec.json.encode(manifest))

    async def remove_others(self, folder: str, xid: str) -> None:
        """Remove all of the bucket that is not of the job's snapshot."""
        for each in await self.of(folder):
            if each.xid != xid:
                await self._delete([each.key])
        chunks = f"{CHUNKS}{folder}"
        own = f"{chunks}{xid}/"
        await self._delete([key async for key in self._keys(chunks) if not key.startswith(own)])

    async def remove(self, manifest: Manifest) -> None:
        await self._delete([manifest.key])
        await self.drop_chunks(manifest.folder, manifest.xid)

    async def remove_all(self, folder: str) -> None:
        """Remove all snapshots of a bucket, and what unfinished ones have left."""
        for manifest in await self.of(folder):
            await self._delete([manifest.key])
        await self._delete_under(f"{CHUNKS}{folder}")

    async def chunks_of(self, folder: str, xid: str) -> int:
        """Return how many chunks of a job there are."""
        return len([key async for key in self._keys(f"{CHUNKS}{folder}{xid}/")])

    async def drop_chunks(self, folder: str, xid: str) -> None:
        """Remove the chunks of a job."""
        await self._delete_under(f"{CHUNKS}{folder}{xid}/")

    async def _keys(self, prefix: str) -> AsyncIterator[str]:
        after: str | None = ""
        while after is not None:
            try:
                query = ListQuery(prefix, "", after, _PAGE)
                page = await self.local.list_objects(BUCKET, query)
            except BucketNotFound:
                return
            for info in page.objects:
                yield info.name
            after = page.next_after

    async def _delete_under(self, prefix: str) -> None:
        await self._delete([key async for key in self._keys(prefix)])

    async def _delete(self, keys: Sequence[str]) -> None:
        for at in range(0, len(keys), _PAGE):
            requests = [DeleteRequest(key) for key in keys[at : at + _PAGE]]
            for outcome in await self.local.delete_objects(BUCKET, requests):
                if isinstance(outcome, StorageError):
                    raise outcome

    async def _read(self, key: str) -> tuple[bytes, int]:
        """Return the bytes, and when they were written, in nanoseconds since the epoch."""
        try:
            reading = await self.local.get_object(BUCKET, key)
        except BucketNotFound:
            raise ObjectNotFound(key) from None
        written_ns = reading.info.modified_ns
        if isinstance(reading.body, bytes):
            return reading.body, written_ns
        async with aclosing(reading.body) as body:
            return b"".join([block async for block in body]), written_ns

    async def _write(self, key: str, content: bytes) -> None:
        try:
            await self._put(key, content)
        except BucketNotFound:
            with suppress(BucketExists):
                await self.local.create_bucket(BUCKET, BucketOptions(owner=""))
            await self._put(key, content)

    async def _put(self, key: str, content: bytes) -> None:
        options = PutOptions(digest=_Md5(), size=len(content))
        await self.local.put_object(BUCKET, key, _once(content), options)


class _Md5:
    """A `BodyDigest`."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)

    def update(self, block: bytes) -> None:
        self._md5.update(block)

    def seal(self) -> Sealed:
        return Sealed(self._md5.hexdigest())


async def _once(content: bytes) -> Body:
    yield content
