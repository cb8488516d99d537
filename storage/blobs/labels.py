"""Labels of blobs: msgspec Structs as msgpack arrays, at the end of each file.

A label names the object of the bytes and has its row, so that a lost index can be rebuilt. A new
field goes last and has a default, so that old labels still read.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from storage.index.rows import Manifest, PartRow, Row


class ObjectLabel(Struct, frozen=True, array_like=True, tag=0):
    """On the blob of an object written whole. `owner` is the bucket's, to rebuild its row."""

    bucket: str
    owner: str
    name: str
    row: Row


class PartLabel(Struct, frozen=True, array_like=True, tag=1):
    """On the blob of a part; of a chunk that no client uploaded, `upload` is the sidecar."""

    bucket: str
    name: str
    upload: str
    part: PartRow


class SidecarLabel(Struct, frozen=True, array_like=True, tag=2):
    """On the empty blob that accompanies an object with a manifest."""

    bucket: str
    owner: str
    name: str
    row: Row
    manifest: Manifest


Label = ObjectLabel | PartLabel | SidecarLabel


def labelled_blob(label: Label) -> str | None:
    """The blob that has such a label."""
    if isinstance(label, PartLabel):
        return label.part.chunk.blob if label.part.chunk else None
    return label.row.own_blob()


decode_label = msgspec.msgpack.Decoder(Label).decode
