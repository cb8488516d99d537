"""Properties of a bucket as AIStore writes them, and changing them.

Most of them have one value here, because the server works in one way: to set that value is no
change, to set another one is refused by the property's name. Numbers of 64 bits are texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import xxhash
from msgspec import Struct, field

from s3gw.access.bucket_access import bucket_access, with_access
from s3gw.errors import Code, S3Error
from s3gw.native.checksums import DEFAULT
from s3gw.native.errors import NativeError, unsupported
from s3gw.object_lock import ObjectLockSetting
from storage.settings import setting
from storage.values import BucketInfo, Versioning

EVERYTHING = str((1 << 64) - 1)


class Namespace(Struct, frozen=True):
    uuid: str = ""
    name: str = ""


class BackendBck(Struct, frozen=True):
    name: str = ""
    provider: str = ""
    namespace: Namespace = Namespace()


class WritePolicy(Struct, frozen=True):
    data: str = "immediate"
    md: str = "immediate"


class Cksum(Struct, frozen=True):
    """What an object is read with is verified by the storage's own checksums, always."""

    type: str = DEFAULT
    validate_cold_get: bool = False
    validate_warm_get: bool = False
    validate_obj_move: bool = False
    enable_read_range: bool = False


class Versions(Struct, frozen=True):
    enabled: bool = False
    validate_warm_get: bool = False
    synchronize: bool = False


class Mirror(Struct, frozen=True):
    copies: int = 1
    burst_buffer: int = 0
    enabled: bool = False


class Ec(Struct, frozen=True):
    objsize_limit: int = 0
    data_slices: int = 0
    parity_slices: int = 0
    enabled: bool = False
    disk_only: bool = False


class Lru(Struct, frozen=True):
    dont_evict_time: str = "0"
    capacity_upd_time: str = "0"
    enabled: bool = False


class Chunks(Struct, frozen=True):
    objsize_limit: str = "0"
    chunk_size: str = "0"
    checkpoint_every: int = 0


class Bprops(Struct, frozen=True):
    provider: str = "ais"
    backend_bck: BackendBck = BackendBck()
    write_policy: WritePolicy = WritePolicy()
    checksum: Cksum = Cksum()
    versioning: Versions = Versions()
    mirror: Mirror = Mirror()
    ec: Ec = Ec()
    lru: Lru = Lru()
    chunks: Chunks = Chunks()
    access: str = EVERYTHING
    features: str = "0"
    bid: str = "0"
    created: str = "0"
    renamed: str = field(default="", name="Renamed")


def props_of(bucket: BucketInfo) -> Bprops:
    made = f"{bucket.lasting_name}/{bucket.created_ns}"
    return Bprops(
        access=str(bucket_access(bucket)),
        versioning=Versions(enabled=bucket.versioning is Versioning.ENABLED),
        bid=str(xxhash.xxh64_intdigest(made.encode())),
        created=str(bucket.created_ns),
    )


def props_json(bucket: BucketInfo) -> str:
    return msgspec.json.encode(props_of(bucket)).decode()


def with_props(bucket: BucketInfo, given: dict[str, Any]) -> BucketInfo:
    """The bucket with some properties changed. Raises 400 for what is no property, and 501 for a
    value that the server cannot keep to."""
    current = msgspec.to_builtins(props_of(bucket))
    for name, value in _flat(given):
        if name == "versioning.enabled":
            bucket = _with_versioning(bucket, value)
        elif name == "access":
            bucket = _with_access(bucket, value)
        elif value is not None and _in(current, name) != value:
            raise unsupported(f'property "{name}" of another value than {_in(current, name)!r}')
    return bucket


def _with_access(bucket: BucketInfo, value: Any) -> BucketInfo:
    """A number of 64 bits, as a text or not, or one of AIStore's words and names."""
    if not isinstance(value, str | int):
        raise NativeError(400, "access must be a number of 64 bits, or a text")
    try:
        return with_access(bucket, value)
    except ValueError as error:
        raise NativeError(400, f"invalid access: {error}") from None


def _with_versioning(bucket: BucketInfo, enabled: Any) -> BucketInfo:
    if not isinstance(enabled, bool):
        raise NativeError(400, "versioning.enabled must be true or false")
    if not enabled and bucket.versioning is not Versioning.ENABLED:
        return bucket
    if not enabled and setting(bucket, ObjectLockSetting):
        message = "versions of a bucket that locks objects cannot be switched off"
        raise S3Error(Code.InvalidBucketState, message)
    state = Versioning.ENABLED if enabled else Versioning.SUSPENDED
    return msgspec.structs.replace(bucket, versioning=state)


def _flat(given: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value


def _in(props: dict[str, Any], name: str) -> Any:
    """Raises 400 for what is no property."""
    found: Any = props
    for part in name.split("."):
        if not isinstance(found, dict) or part not in found:
            raise NativeError(400, f'unknown bucket property "{name[:128]}"')
        found = found[part]
    return found
