"""Objects as temporary files, for transformers that ask for a path.

AIStore gives them the path of its own file. Here an object may be encrypted, or in the index, so
it is written to a file that only the transformer's user can read. The file has the last part of
the object's name, and is removed when the object is done.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from s3gw.etl.scratch import Scratch
from s3gw.etl.talk.work import Piece

# The variable by which a transformer asks for it.
BY_FILE = "ETL_DIRECT_FQN"
_MOST_NAME_BYTES = 255


class Files:
    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch

    async def write(self, piece: Piece, path: str) -> Path:
        """Write an object to a new file; `path` is the object's. Raises `OSError`, `NotStarted`."""
        folder = await asyncio.to_thread(self._scratch.new, "file-")
        file = folder / _file_name(path)
        try:
            await self._fill(file, piece)
        except BaseException:
            await self.remove(file)
            raise
        return file

    async def remove(self, file: Path) -> None:
        await asyncio.to_thread(shutil.rmtree, file.parent, ignore_errors=True)

    async def _fill(self, file: Path, piece: Piece) -> None:
        owner = self._scratch.owner
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            if owner is not None:
                os.fchown(descriptor, owner.pw_uid, owner.pw_gid)
            if isinstance(piece.body, bytes):
                await asyncio.to_thread(opened.write, piece.body)
                return
            try:
                async for block in piece.body:
                    await asyncio.to_thread(opened.write, block)
            finally:
                await piece.aclose()


def _file_name(path: str) -> str:
    last = path.rpartition("/")[2].replace("\0", "")
    if last in ("", ".", "..") or len(last.encode()) > _MOST_NAME_BYTES:
        return "object"
    return last
