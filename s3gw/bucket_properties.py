"""What a bucket's administrator may choose beside what S3 knows: one document in its settings.

The native API reads and writes it as part of AIStore's bucket properties, whose names and defaults
these are; both front ends keep to it.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from storage.settings import Setting, setting
from storage.values import BucketInfo

XXHASH2 = "xxhash2"


class Chunks(Struct, frozen=True):
    """Sizes in bytes. An object of `objsize_limit` or more is stored in chunks of `chunk_size`; 0
    is never, and 0 is AIStore's default size. None is ever larger than `max_monolithic_size` in
    one piece. Of `checkpoint_every` parts the manifest is written down; here always."""

    objsize_limit: int = 0
    max_monolithic_size: int = 0
    chunk_size: int = 0
    checkpoint_every: int = 0


class BucketProperties(Setting, frozen=True):
    """`checksum` is the type that objects get which come by the native API; with
    `archives_as_folders` the members of archives can be listed and read as keys, by S3 clients
    too."""

    setting_name: ClassVar[str] = "properties"

    checksum: str = XXHASH2
    chunks: Chunks = Chunks()
    archives_as_folders: bool = False


_DEFAULTS = BucketProperties()


def properties_of(bucket: BucketInfo) -> BucketProperties:
    """The bucket's document, or the defaults."""
    return setting(bucket, BucketProperties) or _DEFAULTS
