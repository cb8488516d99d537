"""Copies of blobs on other disks, verified while they are made."""

from __future__ import annotations

import os
from collections.abc import Callable

from storage.blobs.folder import BlobFolder
from storage.blobs.verifying import blocks_of, require_label
from storage.index.rows import Chunk


def copy_verified(
    source: BlobFolder,
    chunk: Chunk,
    target: str,
    spend: Callable[[int], None],
    *,
    sync: bool = False,
) -> None:
    """Write a blob to a new file; each block is checked, and so is the label of the copy. `spend`
    gets the bytes of each block. Raises `Corrupt`, `Vanished`, `DeviceFailed`, `OSError`."""
    with open(target, "wb", opener=_private) as file:
        for block in blocks_of(source, chunk):
            file.write(block)
            spend(len(block))
        with open(source.blob(chunk.blob), "rb", buffering=0) as original:
            original.seek(chunk.size)
            file.write(original.read())
        if sync:
            file.flush()
            os.fsync(file.fileno())
    require_label(target, chunk)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_EXCL, 0o600)
