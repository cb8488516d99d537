"""Entries of the table `garbage`: blobs that are removed together.

Their readers lock the first of them.
"""

from __future__ import annotations

import msgspec

decode_blobs = msgspec.msgpack.Decoder(list[str]).decode


def garbage_name(blob: str, mountpath: str) -> str:
    """How the garbage of an index names a blob; `mountpath` is empty when it is the index' own."""
    return f"{mountpath}/{blob}" if mountpath else blob


def blob_of_garbage(name: str) -> tuple[str, str]:
    """The blob, and its mountpath if that is another."""
    mountpath, _, blob = name.rpartition("/")
    return blob, mountpath
