"""Buckets whose objects are kept in chunks, for tests that come in by the front doors."""

from __future__ import annotations

from s3gw.config.bucket_properties import BucketProperties, Chunks
from storage.settings import with_setting
from storage.values import BucketInfo, ObjectInfo, ReadOptions
from tests.native.scene import Scene
from tests.s3.gateway import Gateway

Door = Gateway | Scene


def keep_in_chunks(door: Door, bucket: str, limit: int, size: int) -> None:
    """From now on; nothing checks whether an administrator could choose these."""

    def change(old: BucketInfo) -> BucketInfo:
        return with_setting(old, BucketProperties(chunks=Chunks(limit, 0, size)))

    door.server.run(door.store.update_bucket(bucket, change))


def kept(door: Door, bucket: str, key: str, version: str | None = None) -> ObjectInfo:
    """What the store knows of an object."""
    options = ReadOptions(version=version)
    info: ObjectInfo = door.server.run(door.store.head_object(bucket, key, options)).info
    return info
