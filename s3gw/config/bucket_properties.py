"""AIStore's bucket properties that S3 does not have: one document among a bucket's settings.

The native API reads and writes them, under the names beside the fields; both front ends keep to
them. A new bucket gets the cluster's defaults of that moment, so a bucket without the document has
AIStore's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, get_type_hints

import msgspec
from msgspec import Struct

from s3gw.config.kept_properties import KeptProperties, Property
from s3gw.config.types import Choice, Size, Switch, Whole, note
from s3gw.config.wire_keys import WireKey
from storage.settings import Setting, setting, with_setting
from storage.values import BucketInfo

XXHASH2 = "xxhash2"
NO_CHECKSUM = "none"
# What the ETag of an object of one part is: its MD5, or the hash of its bytes in the form that
# clients take as "not an MD5".
ETAG_MD5, ETAG_CHECKSUM = "md5", "checksum"
CHECKSUM_TYPES = (XXHASH2, "xxhash", "md5", "crc32c", "sha256", "sha512", NO_CHECKSUM)

_KIB, _GIB, _TIB = 1 << 10, 1 << 30, 1 << 40


class Chunks(Struct, frozen=True):
    """Sizes in bytes. An object of `objsize_limit` or more is stored in chunks of `chunk_size`; 0
    is never, and 0 is AIStore's default size. No object is larger than `max_monolithic_size` in
    one piece. After each `checkpoint_every` parts the manifest is written down; here always."""

    objsize_limit: Annotated[int, Property("chunks.objsize_limit", Size(0, _TIB))] = 0
    max_monolithic_size: Annotated[
        int, Property("chunks.max_monolithic_size", Size(_GIB, _TIB, zero_means=_TIB))
    ] = 0
    chunk_size: Annotated[
        int, Property("chunks.chunk_size", Size(_KIB, 5 * _GIB, zero_means=_GIB))
    ] = 0
    checkpoint_every: Annotated[int, Property("chunks.checkpoint_every", Whole(0, 1024))] = 0


class BucketProperties(Setting, frozen=True):
    """`checksum` is the type for objects that come by the native API; with `archives_as_folders`
    the members of archives can be listed and read as keys, by S3 clients too. `validate_warm_get`
    requests what is always done: every block is verified when it is read. With `ranges` a range of
    an object is answered with its own checksum. `etag` is for all that is written, except bodies of
    native requests: they have no MD5 anywhere. With `numbered` the native API shows how often an
    object was written, AIStore's version; S3's versions are another thing. With `etl_by_s3`
    objects can be read through transformers by S3 clients too. `custom` and `kept` mean nothing to
    the server."""

    setting_name: ClassVar[str] = "properties"

    checksum: Annotated[str, Property("checksum.type", Choice(CHECKSUM_TYPES))] = XXHASH2
    chunks: Chunks = Chunks()
    archives_as_folders: Annotated[bool, Property("archives.as_folders", Switch())] = False
    validate_warm_get: Annotated[bool, Property("checksum.validate_warm_get", Switch())] = False
    etag: Annotated[str, Property("etag", Choice((ETAG_MD5, ETAG_CHECKSUM)), inherited=False)] = (
        ETAG_MD5
    )
    custom: Annotated[str, Property("extra.custom", note(1024), inherited=False)] = ""
    ranges: Annotated[bool, Property("checksum.enable_read_range", Switch())] = False
    kept: KeptProperties = KeptProperties()
    numbered: Annotated[bool, Property("versioning.enabled", Switch())] = True
    etl_by_s3: Annotated[bool, Property("etl.s3", Switch(), inherited=False)] = False


DEFAULT_PROPERTIES = BucketProperties()


def _declared(
    struct: type[Struct], place: tuple[str, ...] = ()
) -> Iterator[tuple[Property, tuple[str, ...]]]:
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        hint, here = hints[field.name], (*place, field.name)
        if isinstance(hint, type) and issubclass(hint, Struct):
            yield from _declared(hint, here)
        else:
            (declared,) = hint.__metadata__
            yield declared, here


_DECLARED = tuple(_declared(BucketProperties))
# By name on the wire; the root is a `BucketProperties`.
PROPERTIES: Mapping[str, WireKey] = MappingProxyType(
    {declared.name: WireKey(declared.type, place) for declared, place in _DECLARED}
)
# Those that new buckets get from the cluster's configuration.
INHERITED = tuple(declared.name for declared, _ in _DECLARED if declared.inherited)


def properties_of(bucket: BucketInfo) -> BucketProperties:
    """Return the bucket's document, or the defaults."""
    return setting(bucket, BucketProperties) or DEFAULT_PROPERTIES


def with_properties(bucket: BucketInfo, properties: BucketProperties) -> BucketInfo:
    """Return the bucket with that document; without one where all is as by default."""
    if properties == properties_of(bucket):
        return bucket
    return with_setting(bucket, properties)


def with_property(properties: BucketProperties, name: str, value: Any) -> BucketProperties:
    """Return the properties with another value, as its type has read it, for one of them."""
    return PROPERTIES[name].replaced(properties, value)


def problem_together(properties: BucketProperties) -> str:
    """Return what is wrong with values that are good each for itself; empty when nothing is."""
    if properties.kept.problem:
        return properties.kept.problem
    chunks = properties.chunks
    if chunks.objsize_limit <= (chunks.max_monolithic_size or _TIB):
        return ""
    limit = PROPERTIES["chunks.objsize_limit"].shown(properties)
    most = PROPERTIES["chunks.max_monolithic_size"].shown(properties)
    return (
        f"chunks.objsize_limit = {limit} must not be more than chunks.max_monolithic_size = {most}"
    )
