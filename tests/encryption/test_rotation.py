"""Rotation brings every object under the newest key, beside writes, and moves no byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from s3gw.jobs.key_rotation import Rewrapped, rewrap_all
from s3gw.keys.ring import Ring, new_ring
from storage.backend import Change
from storage.backends.local import LocalStore, StoreOptions
from storage.clock import SystemClock
from storage.values import UPDATE_CURRENT, ObjectInfo, UpdateOptions
from tests.s3.gateway import Gateway
from tests.storage.event_loop import run
from tests.storage.local_stores import local_store

CUSTOMER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": bytes(32)}


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    ring = new_ring(tmp_path / "keyring.json", bytes(range(32)))
    ring.create("team-a")
    return ring


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    (tmp_path / "data").mkdir()
    with local_store([tmp_path / "data"], SystemClock(), StoreOptions()) as store:
        yield store


@pytest.fixture
def gateway(store: LocalStore, ring: Ring) -> Iterator[Gateway]:
    gateway = Gateway(store, keys=ring)
    yield gateway
    gateway.close()


def wrapped(store: Any, bucket: str, key: str) -> bytes:
    info = run(store.head_object(bucket, key)).info
    assert info.attributes.encryption is not None
    return bytes(info.attributes.encryption.wrapped)


def fill(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="plain", Body=b"plain")
    s3.put_object(Bucket=bucket, Key="own", Body=b"own", **CUSTOMER)
    for number in range(3):
        how = {"ServerSideEncryption": "AES256"}
        s3.put_object(Bucket=bucket, Key=f"s3-{number}", Body=bytes(600_000 * number), **how)
    how = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "team-a"}
    s3.put_object(Bucket=bucket, Key="kms", Body=b"kms", **how)


def test_records_change_and_nothing_else(gateway: Gateway, store: LocalStore, ring: Ring) -> None:
    s3, bucket = gateway.client(), gateway.new_bucket()
    fill(s3, bucket)
    before = {key: s3.head_object(Bucket=bucket, Key=key) for key in ("s3-2", "kms")}
    for key in ("sse-s3", "team-a"):
        ring.add_version(key)
    assert run(rewrap_all(store, ring)) == Rewrapped(objects=6, rewrapped=4)
    assert all(wrapped(store, bucket, key).startswith(b"\0\0\0\2") for key in before)
    for key, head in before.items():
        after = s3.head_object(Bucket=bucket, Key=key)
        assert (after["ETag"], after["LastModified"]) == (head["ETag"], head["LastModified"])
    assert s3.get_object(Bucket=bucket, Key="s3-2")["Body"].read() == bytes(1_200_000)
    assert s3.get_object(Bucket=bucket, Key="own", **CUSTOMER)["Body"].read() == b"own"


def test_it_goes_on_where_it_was_interrupted(
    gateway: Gateway, store: LocalStore, ring: Ring
) -> None:
    fill(gateway.client(), gateway.new_bucket())
    ring.add_version("sse-s3")

    def stop(done: Rewrapped) -> None:
        if done.rewrapped == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run(rewrap_all(store, ring, stop))
    assert run(rewrap_all(store, ring)).rewrapped == 1
    assert run(rewrap_all(store, ring)).rewrapped == 0


def test_old_versions_of_objects_are_brought_along(
    gateway: Gateway, store: LocalStore, ring: Ring
) -> None:
    s3, bucket = gateway.client(), gateway.new_bucket()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    how = {"Bucket": bucket, "Key": "k", "ServerSideEncryption": "AES256"}
    first = s3.put_object(**how, Body=b"first")["VersionId"]
    s3.put_object(**how, Body=b"second")
    s3.delete_object(Bucket=bucket, Key="k")
    ring.add_version("sse-s3")
    assert run(rewrap_all(store, ring)).rewrapped == 2
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"first"


def test_a_write_that_comes_between_is_not_undone(
    gateway: Gateway, store: LocalStore, ring: Ring
) -> None:
    s3, bucket = gateway.client(), gateway.new_bucket()
    s3.put_object(Bucket=bucket, Key="k", Body=b"old", ServerSideEncryption="AES256")
    ring.add_version("sse-s3")

    class Overtaken:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def update_object(
            self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
        ) -> ObjectInfo:
            await store.update_object(bucket, name, newer)
            return await store.update_object(bucket, name, change, options)

    other = run(ring.generate("sse-s3", b"AES256\x00"))

    def newer(old: Any) -> Any:
        record = msgspec.structs.replace(old.encryption, wrapped=other.wrapped)
        return msgspec.structs.replace(old, encryption=record)

    overtaken: Any = Overtaken()
    assert run(rewrap_all(overtaken, ring)).rewrapped == 0
    assert wrapped(store, bucket, "k") == other.wrapped


def test_an_object_whose_key_is_lost_is_named(
    gateway: Gateway, store: LocalStore, tmp_path: Path
) -> None:
    s3, bucket = gateway.client(), gateway.new_bucket()
    s3.put_object(Bucket=bucket, Key="k", Body=b"b", ServerSideEncryption="AES256")
    stranger = new_ring(tmp_path / "other.json", bytes(32))
    stranger.add_version("sse-s3")
    assert run(rewrap_all(store, stranger)).unreadable == (f"{bucket}/k",)
