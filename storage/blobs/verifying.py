"""Verification of blobs against what the index and their labels say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from storage.blobs.blob import read_footer, root_hash
from storage.blobs.folder import BlobFolder
from storage.blobs.labels import labelled_blob
from storage.blobs.reading import BlobRange, Source
from storage.errors import Corrupt
from storage.index.rows import Chunk
from storage.ranges import Between


def blocks_of(folder: BlobFolder, chunk: Chunk) -> Iterator[bytes]:
    """The data of a blob, verified. Raises `Corrupt`, `Vanished`, `DeviceFailed`."""
    if chunk.size:
        with closing(Source(folder, BlobRange([(chunk, Between(0, chunk.size))]))) as source:
            while block := source.read():
                yield block


def require_label(path: str, chunk: Chunk) -> None:
    """Raises `Corrupt` unless the blob ends with its own label."""
    footer = read_footer(path)
    if labelled_blob(footer.label) != chunk.blob:
        raise Corrupt("another blob lies in its place")
    if footer.size != chunk.size or (footer.hashes and root_hash(footer.hashes) != chunk.root):
        raise Corrupt("the block hashes are not what was stored")


def fault_of_sidecar(folder: BlobFolder, blob: str) -> str:
    """Return what is wrong with a sidecar, empty for nothing."""
    try:
        label = read_footer(folder.blob(blob)).label
    except FileNotFoundError:
        return "sidecar missing"
    except Corrupt as error:
        return str(error)
    return "" if labelled_blob(label) == blob else "another blob lies in its place"
