"""The key of an archive's index in memory and on disk."""

from __future__ import annotations

from msgspec import Struct

from storage.archives.formats import ArchiveFormat
from storage.values import ObjectInfo


class IndexKey(Struct, frozen=True, array_like=True):
    """One version of one object, read as one format. Saved as msgpack: a new field goes last and
    has a default."""

    bucket: str
    name: str
    version: str
    etag: str
    modified_ns: int
    size: int
    format: str

    @classmethod
    def of(cls, bucket: str, info: ObjectInfo, kind: ArchiveFormat) -> IndexKey:
        return cls(
            bucket, info.name, info.version, info.etag, info.modified_ns, info.size, kind.value
        )
