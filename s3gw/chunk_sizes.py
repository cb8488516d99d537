"""Objects in chunks: which ones, how large the chunks are, and what an administrator may choose.

The names, defaults and ranges are AIStore's `chunks`. A bucket's own document says how its objects
are written; the part that says nothing is as if there were no bound but the highest.
"""

from __future__ import annotations

from collections.abc import Mapping

from s3gw.bucket_properties import Chunks, properties_of
from storage.chunking import Chunking
from storage.values import BucketInfo

_KIB, _GIB, _TIB = 1 << 10, 1 << 30, 1 << 40

DEFAULT_CHUNK_SIZE = _GIB
MAX_MONOLITHIC_SIZE = _TIB
_SECTION = "chunks"
_MONOLITHIC = range(_GIB, MAX_MONOLITHIC_SIZE + 1)
_CHUNK = range(_KIB, 5 * _GIB + 1)
_CHECKPOINTS = range(1024 + 1)
_ALLOWED: Mapping[str, str] = {
    "objsize_limit": "0, or bytes up to chunks.max_monolithic_size",
    "max_monolithic_size": "0 for 1TiB, or bytes from 1GiB to 1TiB",
    "chunk_size": "0 for 1GiB, or bytes from 1KiB to 5GiB",
    "checkpoint_every": "a whole number from 0 to 1024",
}


class BadChunks(ValueError):
    """A value that is none: `key` is the property's whole name, `allowed` says what it may be."""

    def __init__(self, key: str, value: int) -> None:
        self.key, self.value = f"{_SECTION}.{key}", value
        self.allowed = _ALLOWED[key]
        super().__init__(f"{self.key} is {value}, and must be {self.allowed}")


def check_chunks(chunks: Chunks) -> None:
    """Raises `BadChunks`."""
    if chunks.max_monolithic_size and chunks.max_monolithic_size not in _MONOLITHIC:
        raise BadChunks("max_monolithic_size", chunks.max_monolithic_size)
    if not 0 <= chunks.objsize_limit <= max_monolithic_size(chunks):
        raise BadChunks("objsize_limit", chunks.objsize_limit)
    if chunks.chunk_size and chunks.chunk_size not in _CHUNK:
        raise BadChunks("chunk_size", chunks.chunk_size)
    if chunks.checkpoint_every not in _CHECKPOINTS:
        raise BadChunks("checkpoint_every", chunks.checkpoint_every)


def max_monolithic_size(chunks: Chunks) -> int:
    return chunks.max_monolithic_size or MAX_MONOLITHIC_SIZE


def chunking(chunks: Chunks) -> Chunking:
    """Without a limit, only what is larger than an object in one piece may be."""
    limit = chunks.objsize_limit or max_monolithic_size(chunks) + 1
    return Chunking(limit, chunks.chunk_size or DEFAULT_CHUNK_SIZE)


_DEFAULTS = Chunks()
_DEFAULT = chunking(_DEFAULTS)


def chunking_of(bucket: BucketInfo) -> Chunking:
    """How what is written to the bucket is kept."""
    chunks = properties_of(bucket).chunks
    return _DEFAULT if chunks == _DEFAULTS else chunking(chunks)
