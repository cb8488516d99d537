"""What only a real HDFS does: permissions, quotas, blocks, snapshots, appends, safe mode."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from storage.backends.hdfs import HdfsBackend, HdfsOptions
from storage.backends.hdfs.place import Place, place_of
from storage.backends.hdfs.service import Request, Service
from storage.errors import BackendDenied, BackendUnavailable, OutOfSpace, PreconditionFailed
from storage.ranges import Between
from storage.values import BucketOptions, Checksum, Condition
from tests.storage.bodies import body_of, pattern
from tests.storage.digests import Md5Digest
from tests.storage.event_loop import run
from tests.storage.hdfs.mini_dfs import MiniDfs, mini_dfs
from tests.storage.sync_bucket import SyncBucket, put_options

BLOCK = 1 << 20
SETTINGS = {
    "dfs.blocksize": str(BLOCK),
    "dfs.namenode.fs-limits.min-block-size": str(BLOCK),
}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniDfs]:
    with mini_dfs(tmp_path_factory.mktemp("dfs"), SETTINGS) as made:
        yield made


@pytest.fixture(scope="module")
def backend(hdfs: MiniDfs) -> Iterator[HdfsBackend]:
    made = HdfsBackend(hdfs.options())
    yield made
    run(made.aclose())


@pytest.fixture
def bucket(backend: HdfsBackend) -> SyncBucket:
    name = f"real{next(_numbers)}"
    run(backend.create_bucket(name, BucketOptions("")))
    return SyncBucket(backend, name)


def administer(options: HdfsOptions, path: Place, request: Request) -> None:
    """What an administrator of HDFS does, or another program."""

    async def act() -> None:
        service = Service(options)
        await service.send(path, request)
        await service.aclose()

    run(act())


def test_an_object_of_many_blocks_reads_across_them(bucket: SyncBucket) -> None:
    content = pattern(5 * BLOCK + 17)
    bucket.put("a", content)
    assert bucket.read("a") == content
    for start, stop in ((0, 1), (BLOCK - 1, BLOCK + 1), (BLOCK, 3 * BLOCK + 5), (5 * BLOCK, 10**9)):
        assert bucket.read("a", Between(start, stop)) == content[start:stop]


def test_a_stranger_is_denied_and_told_why(hdfs: MiniDfs, bucket: SyncBucket) -> None:
    bucket.put("a", b"x")
    folder = place_of("/", bucket.bucket)
    administer(hdfs.options(), folder, Request("PUT", "SETPERMISSION", {"permission": "700"}))
    stranger = HdfsBackend(hdfs.options(user="stranger"))
    try:
        theirs = SyncBucket(stranger, bucket.bucket)
        for use in (lambda: theirs.read("a"), lambda: theirs.names(), lambda: theirs.delete("a")):
            with pytest.raises(BackendDenied, match="Permission denied: user=stranger"):
                use()
        administer(hdfs.options(), folder, Request("PUT", "SETPERMISSION", {"permission": "755"}))
        assert theirs.read("a") == b"x"
        # The datanode that refuses the file closes the connection.
        for size in (1, 3 * BLOCK):
            with pytest.raises(BackendDenied, match="Permission denied: user=stranger"):
                theirs.put("b", pattern(size))
    finally:
        run(stranger.aclose())
    assert bucket.names() == ["a"]


def test_a_quota_that_is_used_up_is_out_of_space(hdfs: MiniDfs, bucket: SyncBucket) -> None:
    bucket.put("a", b"x")
    quota = {"namespacequota": "3"}
    administer(hdfs.options(), place_of("/", bucket.bucket), Request("PUT", "SETQUOTA", quota))
    bucket.put("b", b"x")
    with pytest.raises(OutOfSpace, match="NSQuotaExceeded"):
        bucket.put("c", b"x")
    assert bucket.names() == ["a", "b"]


def test_what_another_program_appends_makes_another_object(
    hdfs: MiniDfs, bucket: SyncBucket
) -> None:
    checksum = Checksum("CRC32C", "AAAAAA==")
    before = bucket.put("a", b"one", options=put_options(Md5Digest(checksum)))
    place = place_of("/", bucket.bucket, "a")
    administer(hdfs.options(), place, Request("POST", "APPEND", body=body_of(b"two"), once=True))
    after = bucket.info("a")
    assert (after.size, after.checksum) == (6, None)
    assert after.etag != before.etag
    assert bucket.read("a") == b"onetwo"
    with pytest.raises(PreconditionFailed):
        bucket.read("a", condition=Condition(if_match=(before.etag,)))


def test_snapshots_are_not_shown_and_forbid_to_delete_their_folder(
    hdfs: MiniDfs, bucket: SyncBucket
) -> None:
    folder = place_of("/", bucket.bucket)
    bucket.put("a", b"x")
    administer(hdfs.options(), folder, Request("PUT", "ALLOWSNAPSHOT"))
    administer(hdfs.options(), folder, Request("PUT", "CREATESNAPSHOT", {"snapshotname": "s"}))
    assert bucket.names() == ["a"]
    assert bucket.delete("a") is True
    assert bucket.names() == []
    with pytest.raises(BackendDenied, match="SnapshotException"):
        run(bucket.backend.delete_bucket(bucket.bucket))


def test_in_safe_mode_writes_are_unavailable(hdfs: MiniDfs, bucket: SyncBucket) -> None:
    bucket.put("a", b"x")
    hdfs.command("enter safe mode")
    try:
        assert bucket.read("a") == b"x"
        with pytest.raises(BackendUnavailable, match="SafeMode"):
            bucket.put("b", b"x")
        with pytest.raises(BackendUnavailable, match="SafeMode"):
            bucket.delete("a")
    finally:
        hdfs.command("leave safe mode")
    assert bucket.names() == ["a"]
