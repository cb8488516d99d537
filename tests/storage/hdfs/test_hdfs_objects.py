"""What is particular to objects in HDFS: names, facts, folders, files of other programs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from storage.backends.hdfs import HdfsBackend, bucket_name
from storage.errors import (
    BackendError,
    BucketNotFound,
    NotSupported,
    ObjectNotFound,
    PreconditionFailed,
)
from storage.ranges import Between
from storage.values import Attributes, BucketOptions, Checksum, Condition, DeleteRequest
from tests.storage.bodies import pattern
from tests.storage.contract_objects import RICH
from tests.storage.digests import Md5Digest
from tests.storage.event_loop import run
from tests.storage.hdfs.remotes import KINDS, remote
from tests.storage.sync_bucket import SyncBucket, put_options

# Names that HDFS takes, though they are odd.
ODD_NAMES = (
    " ",
    "a ",
    "%2F",
    "a%00b",
    "a+b",
    "?",
    "#",
    "&op=DELETE",
    "\\",
    "'\";--",
    "*",
    "[a]{b}",
    "\u00e9",
    "e\u0301",
    "\u2028",
    "\uf900",
    "\u8c48",
    "folder/e\u0301/x",
    "\ufeff",
    "\ufffd",
    "\U0001f600",
    "\U0010ffff",
    "CON",
    "A",
    "a",
    "...",
    "_SUCCESS",
    ".hidden",
    "folder/\u00e9/\U0001f600",
    "folder/ /%20",
    "x" * 255,
    "\u00e9" * 127,
    "/".join(["d"] * 100),
)
IMPOSSIBLE = (
    "a/",
    "/",
    "/a",
    "a//b",
    ".",
    "..",
    "a/../b",
    "../../etc/passwd",
    "./a",
    "a:b",
    "b/.snapshot/c",
    "\0",
    f".s3gw-{'0' * 32}",
)
_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=KINDS)
def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HdfsBackend]:
    with remote(request.param, tmp_path_factory.mktemp("dfs")) as made:
        yield made


@pytest.fixture
def bucket(backend: HdfsBackend) -> SyncBucket:
    name = f"objects{next(_numbers)}"
    run(backend.create_bucket(name, BucketOptions("")))
    return SyncBucket(backend, name)


def test_odd_names_are_kept_as_they_are(bucket: SyncBucket) -> None:
    for name in ODD_NAMES:
        assert bucket.put(name, name.encode()).name == name
    for name in ODD_NAMES:
        assert bucket.read(name) == name.encode()
        assert bucket.info(name).size == len(name.encode())
    assert bucket.names() == sorted(ODD_NAMES, key=str.encode)
    for name in ODD_NAMES:
        assert bucket.delete(name) is True
    assert bucket.names() == []


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_name_that_hdfs_cannot_hold_is_refused_and_is_that_of_no_object(
    bucket: SyncBucket, name: str
) -> None:
    with pytest.raises(NotSupported, match="an object name "):
        bucket.put(name, b"x")
    with pytest.raises(ObjectNotFound):
        bucket.read(name)
    with pytest.raises(ObjectNotFound):
        bucket.info(name)
    assert bucket.delete(name) is False
    assert bucket.names() == []


def test_a_name_with_a_long_element_is_refused(bucket: SyncBucket) -> None:
    with pytest.raises(NotSupported, match="the name"):
        bucket.put("x" * 256)
    with pytest.raises(ObjectNotFound):
        bucket.read("x" * 256)
    assert bucket.names() == []


def test_an_object_is_not_a_folder_too(bucket: SyncBucket) -> None:
    bucket.put("a/b", b"x")
    with pytest.raises(NotSupported, match="the name of a folder"):
        bucket.put("a", b"y")
    with pytest.raises(NotSupported, match="below that of another object"):
        bucket.put("a/b/c", b"y")
    with pytest.raises(ObjectNotFound):
        bucket.read("a")
    with pytest.raises(ObjectNotFound):
        bucket.read("a/b/c")
    assert bucket.delete("a") is False
    assert bucket.names() == ["a/b"]
    assert bucket.read("a/b") == b"x"


def test_a_deletion_removes_the_folders_that_it_leaves_empty(bucket: SyncBucket) -> None:
    bucket.put_all("a/b/c/d", "a/b/e")
    assert bucket.delete("a/b/c/d") is True
    assert bucket.names() == ["a/b/e"]
    bucket.put("a/b/c", b"now a file")
    assert bucket.delete_many(DeleteRequest("a/b/c"), DeleteRequest("a/b/e"))
    bucket.put("a", b"now a file too")
    assert bucket.names() == ["a"]


def test_put_returns_what_head_says(bucket: SyncBucket) -> None:
    checksum = Checksum("CRC32C", "AAAAAA==")
    made = bucket.put("a", b"x", options=put_options(Md5Digest(checksum), RICH))
    assert (made.size, made.attributes, made.checksum) == (1, RICH, checksum)
    assert bucket.info("a") == made
    (listed,) = bucket.page().objects
    assert listed == replace(made, attributes=Attributes(), checksum=None)


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
def test_an_object_reads_as_it_was_written(bucket: SyncBucket, size: int) -> None:
    content = pattern(size)
    assert bucket.put("a", content).size == size
    assert bucket.read("a") == content
    if size > 10:
        assert bucket.read("a", Between(3, size - 2)) == content[3:-2]


def test_each_write_has_its_own_etag(bucket: SyncBucket) -> None:
    etags = {bucket.put("a", b"same").etag for _ in range(5)}
    assert len(etags) == 5


def test_a_change_of_attributes_keeps_the_etag_and_the_checksum(bucket: SyncBucket) -> None:
    checksum = Checksum("CRC32C", "AAAAAA==")
    made = bucket.put("a", b"x", options=put_options(Md5Digest(checksum), RICH))
    changed = bucket.update("a", lambda old: replace(old, tags={"new": "tag"}))
    assert changed == replace(made, attributes=replace(RICH, tags={"new": "tag"}))
    touched = bucket.update("a", lambda old: old, touch=True)
    assert touched.attributes == changed.attributes
    assert bucket.info("a") == touched


def test_more_metadata_than_hdfs_keeps_are_refused(bucket: SyncBucket) -> None:
    many = Attributes(custom={"a": "x" * 20_000})
    with pytest.raises(BackendError, match="MetadataTooLarge"):
        bucket.put("a", b"x", options=put_options(attributes=many))
    assert bucket.names() == []
    fitting = Attributes(custom={"a": "\u00e9" * 7_000})
    bucket.put("a", b"x", options=put_options(attributes=fitting))
    assert bucket.info("a").attributes == fitting


def test_conditions_are_about_the_etag_of_hdfs(bucket: SyncBucket) -> None:
    old = bucket.put("a", b"old")
    new = bucket.put("a", b"new", options=put_options(condition=Condition(if_match=(old.etag,))))
    with pytest.raises(PreconditionFailed):
        bucket.put("a", b"late", options=put_options(condition=Condition(if_match=(old.etag,))))
    assert bucket.read("a", condition=Condition(if_match=(new.etag,))) == b"new"


def test_a_folder_anywhere_is_a_bucket_by_its_path(backend: HdfsBackend) -> None:
    name = f"deep{next(_numbers)}"
    run(backend.create_bucket(name, BucketOptions("")))
    SyncBucket(backend, name).put("data/train/a", b"x")
    attached = SyncBucket(backend, bucket_name("whatever", f"/{name}/data/train"))
    assert run(backend.head_bucket(attached.bucket)).name == attached.bucket
    assert attached.names() == ["a"]
    attached.put("b/c", b"y")
    assert SyncBucket(backend, name).names() == ["data/train/a", "data/train/b/c"]
    for folder in ("/nowhere", f"/{name}/data/train/a", "relative", "/a/../b", "/a//b"):
        with pytest.raises(BucketNotFound):
            run(backend.head_bucket(bucket_name("whatever", folder)))
