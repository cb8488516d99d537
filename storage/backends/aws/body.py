"""Bodies of objects on their way from S3.

A body is read in blocks of what has come; aiobotocore verifies the checksum of one that has it.
Waiting counts, not reading: a reader may be as slow as it likes, S3 must send 64 KiB within the
time limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.backends.aws.place import Place
from storage.backends.aws.remote import Remote
from storage.backends.resuming import Patience
from storage.errors import BackendUnavailable

if TYPE_CHECKING:
    from aiobotocore.response import AioStreamingBody

# At most so much is read at once. Each read costs the same, and of a fast connection so much has
# come by then; the local store writes as much at once.
READ_BYTES = 512 * 1024


class BodyReader:
    """The bytes of one answer; `left` counts those that are still to come."""

    def __init__(self, remote: Remote, place: Place, body: AioStreamingBody, left: int) -> None:
        self._remote = remote
        self._place = place
        self._body = body
        self._patience = Patience(remote.options.read_timeout_s)
        self.left = left

    async def read(self) -> bytes:
        """The next block; empty when nothing is left. Raises `BackendUnavailable`, `Corrupt`."""
        if not self.left:
            return b""
        block = await self._timed_read(READ_BYTES)
        if not block or len(block) > self.left:
            raise BackendUnavailable(str(self._place), "IncompleteBody", f"{self.left} bytes lack")
        self.left -= len(block)
        if not self.left and await self._timed_read(1):
            raise BackendUnavailable(str(self._place), "IncompleteBody", "more than was announced")
        return block

    async def _timed_read(self, size: int) -> bytes:
        async with self._remote.client(self._place):
            return await self._patience.read(self._body.read, size)

    def close(self) -> None:
        """Drop the connection, unless the answer was read to its end: then it is free already."""
        self._body.close()
