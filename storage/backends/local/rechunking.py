"""Rechunking of objects where they are found."""

from __future__ import annotations

from storage.backends.local.disks import Disks
from storage.blobs.batches import FoundObject
from storage.chunking import Chunking
from storage.values import READ_ALL, ReadOptions
from storage.writing.rechunking import Rewriter


class Rechunker:
    def __init__(self, disks: Disks, rewriter: Rewriter) -> None:
        self._disks = disks
        self._rewriter = rewriter

    async def rechunk_object(
        self, bucket: str, name: str, chunks: Chunking, options: ReadOptions = READ_ALL
    ) -> bool:
        home = self._disks.bucket(bucket)
        disk = self._disks.home(home, name)
        row, payload = disk.open(disk.where(home), name, options.version)
        found = FoundObject(self._disks.blobs_of(disk, row), row, payload)
        to = disk.destination
        return await self._rewriter.rechunk(to, home, name, found, chunks, options)
