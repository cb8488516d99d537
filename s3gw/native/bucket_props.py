"""Properties of a bucket as AIStore writes them, with AIStore's defaults.

Many have one value here, because the server works in one way. Numbers of 64 bits are texts, sizes
and times too.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec
import xxhash
from msgspec import UNSET, Struct, UnsetType, field

from s3gw.access.bucket_access import BucketAccess, bucket_access
from s3gw.config.bucket_properties import (
    PROPERTIES,
    BucketProperties,
    properties_of,
    with_properties,
)
from s3gw.native.dotted_keys import flat, nested
from s3gw.native.names import bck_of, bck_there
from storage.backends import hdfs
from storage.backends.http import PROVIDER, bucket_name
from storage.settings import setting, with_setting
from storage.tier.remote import RemoteBucket, is_cloud
from storage.values import BucketInfo

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
    type: str = "xxhash2"
    validate_cold_get: bool = False
    validate_warm_get: bool = False
    validate_obj_move: bool = False
    enable_read_range: bool = False


class Aws(Struct, frozen=True):
    cloud_region: str = ""
    endpoint: str = ""
    profile: str = ""
    max_pagesize: int = 0
    multipart_size: str = "0"


class Gcp(Struct, frozen=True):
    application_creds: str = ""


class Oci(Struct, frozen=True):
    region: str = ""


class Http(Struct, frozen=True):
    original_url: str = ""


class Hdfs(Struct, frozen=True):
    ref_directory: str = ""


class Extra(Struct, frozen=True):
    """`http` is of buckets of the web only, `hdfs` of those of HDFS."""

    aws: Aws = Aws()
    gcp: Gcp = Gcp()
    oci: Oci = Oci()
    custom: str = ""
    http: Http | UnsetType = UNSET
    hdfs: Hdfs | UnsetType = UNSET


class BackendRate(Struct, frozen=True):
    per_op_max_tokens: str = ""
    interval: str = "1m"
    max_tokens: int = 1000
    enabled: bool = False
    num_retries: int = 3


class FrontendRate(Struct, frozen=True):
    per_op_max_tokens: str = ""
    interval: str = "1m"
    max_tokens: int = 1000
    enabled: bool = False
    burst_size: int = 375


class RateLimit(Struct, frozen=True):
    backend: BackendRate = BackendRate()
    frontend: FrontendRate = FrontendRate()


class Ec(Struct, frozen=True):
    objsize_limit: int = 256 << 10
    data_slices: int = 2
    parity_slices: int = 2
    enabled: bool = False
    disk_only: bool = False
    compression: str = "never"
    bundle_multiplier: int = 2
    burst_buffer: int = 512


class Chunks(Struct, frozen=True):
    objsize_limit: str = "0"
    max_monolithic_size: str = "1TiB"
    chunk_size: str = "1GiB"
    checkpoint_every: int = 0
    flags: int = 0


class Mirror(Struct, frozen=True):
    copies: int = 2
    burst_buffer: int = 512
    enabled: bool = False


class Lru(Struct, frozen=True):
    dont_evict_time: str = "2h"
    capacity_upd_time: str = "10m"
    batch_size: int = 32768
    enabled: bool = False


class Archives(Struct, frozen=True):
    """The server's own addition: see docs/archives.md."""

    as_folders: bool = False


class Etl(Struct, frozen=True):
    """The same: see docs/etl.md."""

    s3: bool = False


class Versions(Struct, frozen=True):
    enabled: bool = True
    validate_warm_get: bool = False
    synchronize: bool = False


class Bprops(Struct, frozen=True):
    backend_bck: BackendBck = BackendBck()
    write_policy: WritePolicy = WritePolicy()
    provider: str = "ais"
    renamed: str = field(default="", name="Renamed")
    checksum: Cksum = Cksum()
    extra: Extra = Extra()
    rate_limit: RateLimit = RateLimit()
    ec: Ec = Ec()
    chunks: Chunks = Chunks()
    mirror: Mirror = Mirror()
    lru: Lru = Lru()
    access: str = EVERYTHING
    features: str = "0"
    bid: str = "0"
    created: str = "0"
    versioning: Versions = Versions()
    archives: Archives = Archives()
    etl: Etl = Etl()
    # As `archives`, the server's own addition: see docs/native.md.
    etag: str = "md5"


def props_of(bucket: BucketInfo) -> Bprops:
    """Return AIStore's properties; `bid` and `created` are 0 of a bucket that is not known here."""
    made = f"{bucket.lasting_name}/{bucket.created_ns}"
    shown = _shown(properties_of(bucket))
    document = setting(bucket, RemoteBucket)
    if document is not None and document.provider == PROVIDER:
        extra = msgspec.structs.replace(shown.extra, http=Http(document.name))
        shown = msgspec.structs.replace(shown, extra=extra)
    if document is not None and document.provider == hdfs.PROVIDER:
        extra = msgspec.structs.replace(
            shown.extra, hdfs=Hdfs(hdfs.read_bucket_name(document.name)[1])
        )
        shown = msgspec.structs.replace(shown, extra=extra)
    return msgspec.structs.replace(
        shown,
        access=str(bucket_access(bucket)),
        bid=str(xxhash.xxh64_intdigest(made.encode()) if bucket.created_ns else 0),
        created=str(bucket.created_ns),
        provider=bck_of(bucket.name).provider,
        backend_bck=_backend_of(bucket),
    )


def _backend_of(bucket: BucketInfo) -> BackendBck:
    """Return the bucket that one of ours is connected with; a cloud's own bucket names none."""
    document = setting(bucket, RemoteBucket)
    if document is None or is_cloud(bucket.name):
        return BackendBck()
    if document.provider == PROVIDER:
        return BackendBck(bucket_name(document.name), document.provider)
    bck = bck_there(document.provider, document.name)
    return BackendBck(bck.name, bck.provider, Namespace(bck.uuid, bck.namespace))


@lru_cache(maxsize=256)
def _shown(kept: BucketProperties) -> Bprops:
    """Return what the document says, beside the properties that have one value."""
    fixed = dict(flat(msgspec.to_builtins(Bprops())))
    values = {name: each.shown(kept) for name, each in PROPERTIES.items()}
    return msgspec.convert(nested(fixed | values), Bprops, strict=False)


def with_props_of(new: BucketInfo, other: BucketInfo) -> BucketInfo:
    """Return a bucket that is not created yet with the other's properties: what the native API
    shows and changes, and nothing else."""
    new = with_properties(new, properties_of(other))
    access = setting(other, BucketAccess)
    return with_setting(new, access) if access else new


def props_json(bucket: BucketInfo) -> str:
    return msgspec.json.encode(props_of(bucket)).decode()
