"""The parts of a large body, a few at a time."""

from __future__ import annotations

import asyncio
import io
from typing import Any

from storage.backends.aws.facts import checksum_params
from storage.backends.aws.place import Place
from storage.backends.aws.remote import Remote
from storage.backends.sending import Cutter, Piece, crc32_checksum
from storage.errors import BackendError
from storage.values import MAX_PARTS

# Before they grow, for a body of unknown length: with parts of 8 MiB, 430 GiB in all.
_PARTS_OF_A_SIZE = 1000


class PartSender:
    """`size` counts the bytes that were cut."""

    def __init__(self, remote: Remote, upload: Place, part_bytes: int) -> None:
        self._remote = remote
        self._upload = upload
        self._part_bytes = part_bytes
        self._room = asyncio.Semaphore(remote.options.parts_at_once)
        self._sent: dict[int, dict[str, Any]] = {}
        self.size = 0

    async def send_all(self, first: Piece, cutter: Cutter) -> list[Any]:
        """Send the first piece and all that follow; return the parts as S3 completes them. Raises
        what the body or the digest raises."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._send_pieces(tasks, first, cutter)
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        return [self._sent[number] for number in sorted(self._sent)]

    async def _send_pieces(self, tasks: asyncio.TaskGroup, first: Piece, cutter: Cutter) -> None:
        piece, number = first, 1
        while True:
            await self._room.acquire()
            tasks.create_task(self._send(number, piece.content))
            self.size += len(piece.content)
            if piece.last:
                return
            if number == MAX_PARTS:
                raise BackendError(str(self._upload), "EntityTooLarge", f"after {self.size} bytes")
            piece = await cutter.cut(self._part_bytes * (1 + number // _PARTS_OF_A_SIZE))
            number += 1

    async def _send(self, number: int, content: bytes) -> None:
        try:
            params = {}
            if self._remote.options.checksums:
                params = checksum_params(await crc32_checksum(content))
            async with self._remote.client(self._upload) as s3:
                answer: Any = await s3.upload_part(
                    Bucket=self._upload.bucket,
                    Key=self._upload.name,
                    UploadId=self._upload.upload_id,
                    PartNumber=number,
                    Body=io.BytesIO(content),
                    ContentLength=len(content),
                    **params,
                )
        finally:
            self._room.release()
        self._sent[number] = {"PartNumber": number, "ETag": answer["ETag"], **params}
