"""Buckets of an S3 that the server is in front of: moto, which anybody may write to."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from compat.aistore_sdk.scene import done, errors, fill, get, names, new_name, put, tar
from compat.clients.cloud_bucket import CloudBucket
from compat.clients.target import noise

BlobDownloadConfig: Any = import_module("aistore.sdk.blob_download_config").BlobDownloadConfig
ArchiveConfig: Any = import_module("aistore.sdk.archive_config").ArchiveConfig


@pytest.fixture
def cloud() -> CloudBucket:
    return CloudBucket(new_name())


@pytest.fixture
def train(client: Any, cloud: CloudBucket) -> Iterator[Any]:
    bucket = client.bucket(cloud.name, provider="aws")
    yield bucket
    bucket.evict()


def cached(bucket: Any) -> list[str]:
    entries = bucket.list_all_objects(props="name,cached")
    return [entry.name for entry in entries if entry.is_cached()]


def test_a_bucket_is_used_without_being_created(
    client: Any, cloud: CloudBucket, train: Any
) -> None:
    cloud.put("a", b"one")
    assert cloud.name in [each.name for each in client.cluster().list_buckets(provider="aws")]
    assert names(train) == ["a"]
    assert get(train, "a") == b"one"
    with pytest.raises(errors.AISError):
        client.bucket(new_name(), provider="aws").list_all_objects()


def test_an_object_is_fetched_once(cloud: CloudBucket, train: Any) -> None:
    cloud.put("a", noise(300_000, 1))
    assert not train.object("a").props.present
    for _ in range(3):
        assert get(train, "a") == noise(300_000, 1)
    assert cached(train) == ["a"]
    assert train.object("a").props.present
    assert cloud.requests(f"GET /{cloud.name}/a") == 1


def test_an_epoch_over_what_was_prefetched_asks_the_cloud_for_nothing(
    client: Any, cloud: CloudBucket, train: Any
) -> None:
    samples = {f"train/{number:03}": noise(20_000 + number, number) for number in range(40)}
    for name, content in samples.items():
        cloud.put(name, content)
    (job,) = done(client, train.objects(obj_template="train/{000..039}").prefetch())
    assert job.success
    before = cloud.requests("GET")
    assert {name: get(train, name) for name in samples} == samples
    assert cloud.requests("GET") == before


def test_large_objects_come_in_chunks(client: Any, cloud: CloudBucket, train: Any) -> None:
    content = noise(3 << 20, 7)
    for name in ("by-job", "by-read", "by-prefetch"):
        cloud.put(name, content)
    (job,) = done(client, train.object("by-job").blob_download(chunk_size=1 << 20))
    assert job.success
    config = BlobDownloadConfig(chunk_size="1MiB", num_workers="4")
    assert get(train, "by-read", blob_download_config=config) == content
    prefetch = train.objects(obj_names=["by-prefetch"]).prefetch(blob_threshold=1 << 20)
    (job,) = done(client, prefetch)
    assert job.success
    assert cached(train) == ["by-job", "by-prefetch", "by-read"]
    for name in ("by-job", "by-read", "by-prefetch"):
        assert get(train, name) == content
        # One opens the object, and then there are its ranges.
        assert cloud.requests(f"GET /{cloud.name}/{name}") > 1


def test_what_changed_in_the_cloud_is_seen_when_it_is_wanted(
    cloud: CloudBucket, train: Any
) -> None:
    cloud.put("a", b"old")
    assert get(train, "a") == b"old"
    cloud.put("a", b"new")
    assert get(train, "a") == b"old"
    assert get(train, "a", latest=True) == b"new"
    assert get(train, "a") == b"new"
    cloud.delete("a")
    assert get(train, "a") == b"new"
    with pytest.raises(errors.AISError):
        get(train, "a", latest=True)


def test_writes_go_through(client: Any, cloud: CloudBucket, train: Any) -> None:
    put(train, "a", b"one")
    assert cloud.get("a") == b"one"
    writer = train.object("a").get_writer()
    handle = writer.append_content(b", two")
    assert cloud.get("a") == b"one"
    writer.append_content(b"", handle, flush=True)
    assert cloud.get("a") == b"one, two"
    own = client.bucket(new_name()).create()
    try:
        fill(own, {"d/1": b"x", "d/2": b"y"})
        done(client, own.copy(train))
        assert (cloud.get("d/1"), cloud.get("d/2")) == (b"x", b"y")
    finally:
        own.delete()
    train.object("a").delete()
    assert cloud.get("a") is None
    assert names(train) == ["d/1", "d/2"]


def test_evicting_removes_what_is_here(client: Any, cloud: CloudBucket, train: Any) -> None:
    fill(train, {f"d/{number}": b"x" for number in range(4)})
    done(client, train.objects(obj_template="d/{0..1}").evict())
    assert cached(train) == ["d/2", "d/3"]
    assert names(train) == [f"d/{number}" for number in range(4)]
    train.evict(keep_md=True)
    assert cached(train) == []
    assert cloud.get("d/3") == b"x"


def test_members_of_a_shard_in_the_cloud_are_read(cloud: CloudBucket, train: Any) -> None:
    cloud.put("shard.tar", tar([("a.jpg", noise(1000, 1)), ("a.cls", b"1")]))
    config = ArchiveConfig(archpath="a.cls")
    assert get(train, "shard.tar", archive_config=config) == b"1"


def test_a_summary_counts_what_is_here_and_what_is_there(cloud: CloudBucket, train: Any) -> None:
    for number in range(3):
        cloud.put(f"d/{number}", bytes(100))
    get(train, "d/1")
    for cached, there in ((True, "0"), (False, "3")):
        counts = train.summary(cached=cached)["ObjCount"]
        assert (counts["obj_count_present"], counts["obj_count_remote"]) == ("1", there)


def test_a_listing_from_an_inventory_does_not_ask_the_cloud(
    client: Any, cloud: CloudBucket, train: Any
) -> None:
    every = [f"d/{number}" for number in range(5)]
    for name in every:
        cloud.put(name, b"x")
    assert names(train) == every
    done(client, train.create_inventory(name="first", names_per_chunk=2))
    (shown,) = train.show_inventory(name="first").values()
    assert (shown.name, shown.ntotal, shown.chunks) == ("first", 5, 3)
    with pytest.raises(errors.AISError, match="already exists"):
        train.create_inventory(name="second")
    cloud.put("later", b"x")
    before = cloud.requests(f"GET /{cloud.name}")
    listed = train.list_all_objects(inventory_name="first", page_size=2, props="name,size")
    assert [(each.name, each.size) for each in listed] == [(name, 1) for name in every]
    assert cloud.requests(f"GET /{cloud.name}") == before
    train.destroy_inventory()
    assert train.show_inventory() == {}
