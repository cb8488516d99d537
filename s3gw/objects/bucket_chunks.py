"""Chunk sizes by bucket: which objects are in chunks, and how large."""

from __future__ import annotations

from s3gw.config.bucket_properties import Chunks, properties_of
from storage.chunking import Chunking
from storage.values import BucketInfo

DEFAULT_CHUNK_SIZE = 1 << 30
MAX_MONOLITHIC_SIZE = 1 << 40


def chunking(chunks: Chunks) -> Chunking:
    """Return the chunk sizes. Without a limit, only objects too large for one piece have chunks."""
    limit = chunks.objsize_limit or (chunks.max_monolithic_size or MAX_MONOLITHIC_SIZE) + 1
    return Chunking(limit, chunks.chunk_size or DEFAULT_CHUNK_SIZE)


_DEFAULTS = Chunks()
_DEFAULT = chunking(_DEFAULTS)


def chunking_of(bucket: BucketInfo) -> Chunking:
    """Return the chunk sizes of objects written to the bucket."""
    chunks = properties_of(bucket).chunks
    return _DEFAULT if chunks == _DEFAULTS else chunking(chunks)
