"""What each kind of job does, against the model store."""

from __future__ import annotations

import msgspec
import pytest

from cluster.jobs.catalog import KINDS, NAMES, decode_job, find_name
from cluster.jobs.cleanup import Cleanup
from cluster.jobs.copy_objects import CopyBucket, CopyObjects
from cluster.jobs.delete_objects import DeleteObjects
from cluster.jobs.job import Job, State
from cluster.jobs.job_run import PAGE
from cluster.jobs.lru import Lru
from cluster.jobs.rechunk import ChunkSizes, Rechunk
from cluster.jobs.summary import Summary
from cluster.requested_by import RequestedBy
from storage.values import (
    Attributes,
    LockMode,
    ObjectLock,
    PutOptions,
    Retention,
    Versioning,
    VersionQuery,
)
from tests.cluster.jobs.scene import Scene
from tests.storage.bodies import body_of
from tests.storage.digests import Md5Digest
from tests.storage.event_loop import run


def test_a_kind_is_found_by_either_name() -> None:
    assert find_name("cleanup") == find_name("cleanup-store") == "cleanup-store"
    assert find_name("rename-bucket") == "move-bck"
    assert find_name("mirror") == "make-n-copies"
    assert find_name("nonsense") is None


def test_no_two_kinds_share_a_name() -> None:
    names = [name for kind in KINDS for name in {kind.name, kind.display} - {""}]
    assert sorted(names) == sorted({*names})
    assert {*NAMES} >= {*names}


@pytest.mark.parametrize(
    ("record", "job"),
    [
        (
            r"""{"xid":"a23456789","kind":"copy-listrange","created_ns":5,"cause":{"by":"root",
            "client":"127.0.0.1","request_id":"r"},"bucket":"b","target":"t","pieces":2,
            "template":"","prefix":"","prepend":"p","dry_run":true,"go_on":true,"workers":3,
            "files":null,"chunks":null,"archive":null}""",
            CopyObjects(
                xid="a23456789",
                created_ns=5,
                requested_by=RequestedBy("root", "127.0.0.1", "r"),
                bucket="b",
                target="t",
                pieces=2,
                prepend="p",
                dry_run=True,
                go_on=True,
                workers=3,
            ),
        ),
        (
            r"""{"xid":"a23456789","kind":"rechunk","created_ns":5,"cause":{"by":"","client":"",
            "request_id":""},"bucket":"b","target":"","pieces":0,"template":"","prefix":"in/",
            "prepend":"","dry_run":false,"go_on":false,"workers":1,"files":null,
            "chunks":{"limit":10,"size":4},"archive":null}""",
            Rechunk(
                xid="a23456789", created_ns=5, bucket="b", prefix="in/", chunks=ChunkSizes(10, 4)
            ),
        ),
    ],
)
def test_a_record_that_an_earlier_version_wrote_is_read(record: str, job: Job) -> None:
    assert decode_job(record.encode()) == job


@pytest.mark.parametrize(
    "record",
    [
        b"{",
        b'{"kind":"ec-encode","xid":"a"}',
        b'{"kind":"dsort","xid":"a"}',
        b'{"xid":"a"}',
        b'{"kind":"rechunk","xid":"a","bucket":"b"}',
    ],
)
def test_a_record_that_says_too_little_is_damaged(record: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_job(record)


def test_a_list_is_deleted_and_nothing_else(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a", "b", "c")
        done = await scene.done(DeleteObjects, ["a", "c", "never"])
        assert await scene.names() == ["b"]
        missing = "ais://bucket/never does not exist"
        assert (done.state.objects, done.state.error, done.is_over) == (2, missing, True)
        assert not done.state.aborted
        assert scene.deleted == ["a", "c"]

    run(main())


def test_a_list_longer_than_a_transaction_is_deleted(scene: Scene) -> None:
    names = [f"{n:05}" + "\x01" * 900 for n in range(700)]

    async def main() -> None:
        await scene.buckets()
        await scene.put(*names, "rest")
        done = await scene.done(DeleteObjects, names)
        assert await scene.names() == ["rest"]
        assert done.job.pieces > 1
        assert (await scene.coordination.range("/job-names/"))[0] == []

    run(main())


def test_a_template_is_deleted(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put(*(f"p{n}" for n in range(12)), "p03")
        done = await scene.done(DeleteObjects, template="p{0..9..3}")
        assert await scene.names() == sorted(
            ["p03", *(f"p{n}" for n in (1, 2, 4, 5, 7, 8, 10, 11))]
        )
        assert done.state.objects == 4

    run(main())


def test_a_prefix_is_deleted_however_many_pages_it_has(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put(*(f"in/{n:05}" for n in range(PAGE + 700)), "iz", "im")
        done = await scene.done(DeleteObjects, prefix="in/")
        assert await scene.names() == ["im", "iz"]
        assert (done.state.objects, done.state.bytes) == (PAGE + 700, 4 * (PAGE + 700))

    run(main())


def test_a_deletion_adds_markers_where_versions_are_kept_and_none_for_nothing(
    scene: Scene,
) -> None:
    async def main() -> None:
        await scene.buckets(Versioning.ENABLED)
        await scene.put("a", "b")
        for _ in range(2):
            await scene.done(DeleteObjects, ["a", "never"])
        page = await scene.store.list_versions("bucket", VersionQuery())
        found = [(e.info.name, e.info.delete_marker) for e in page.versions]
        assert found == [("a", True), ("a", False), ("b", False)]

    run(main())


def test_what_is_locked_stays_and_is_told(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        until_ns = scene.clock.now_ns() + 10**12
        lock = Attributes(lock=ObjectLock(Retention(LockMode.COMPLIANCE, until_ns)))
        options = PutOptions(Md5Digest(), lock)
        await scene.store.put_object("bucket", "kept", body_of(b"x"), options)
        await scene.put("a")
        done = await scene.done(DeleteObjects, ["a", "kept"])
        assert await scene.names() == ["kept"]
        assert done.state.error == "kept: ObjectLocked"
        assert (done.state.objects, done.state.aborted) == (1, False)

    run(main())


def test_a_deletion_that_is_resumed_leaves_what_is_new(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a", "b")
        xid = await scene.add(DeleteObjects, ["a", "b"])
        await scene.registry.save(xid, State(starts=1))
        scene.clock.advance_s(5)
        await scene.put("a")
        await scene.run()
        assert await scene.names() == ["a"]
        assert (await scene.find(xid)).state.objects == 1

    run(main())


def test_a_bucket_is_copied_under_new_names(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a", "b/c")
        done = await scene.done(CopyBucket, prepend="new/", workers=3)
        assert await scene.names("target") == ["new/a", "new/b/c"]
        assert (done.state.objects, done.state.bytes, done.is_over) == (2, 8, True)

    run(main())


def test_a_dry_run_counts_and_copies_nothing(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a", "b")
        bucket = await scene.done(CopyBucket, dry_run=True)
        some = await scene.done(CopyObjects, ["a"], dry_run=True)
        assert await scene.names("target") == []
        assert (bucket.state.objects, some.state.objects, some.state.bytes) == (2, 1, 4)

    run(main())


def test_a_name_of_a_list_that_is_missing_is_told_and_one_of_a_template_is_not(
    scene: Scene,
) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("p1")
        some = await scene.done(CopyObjects, ["p1", "p2"])
        assert (some.state.objects, some.state.error) == (1, "ais://bucket/p2 does not exist")
        every = await scene.done(CopyObjects, template="p{0..5}")
        assert (every.state.objects, every.state.error) == (1, "")

    run(main())


def test_what_cannot_be_copied_ends_the_job_unless_it_is_to_go_on(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put(*(f"{n:02}" for n in range(20)))
        scene.refuse = {"03"}
        ended = await scene.done(CopyBucket)
        assert ended.state.aborted
        assert ended.state.abort_error == "03: it is not to be"
        assert len(await scene.names("target")) < 19
        gone_on = await scene.done(CopyBucket, go_on=True)
        assert (gone_on.state.aborted, gone_on.state.objects) == (False, 19)
        assert gone_on.state.error == "03: it is not to be"

    run(main())


def test_a_copy_is_resumed_where_it_was(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put(*(f"{n:02}" for n in range(20)))
        xid = await scene.add(CopyBucket)
        await scene.registry.save(xid, State(starts=1, objects=12, after="11"))
        await scene.run()
        assert scene.copied == [f"{n:02}" for n in range(12, 20)]
        assert (await scene.find(xid)).state.objects == 20

    run(main())


def test_a_summary_counts_objects_and_bytes_from_the_beginning(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("in/a", body=b"1")
        await scene.put("in/b", body=b"12345")
        await scene.put("out")
        xid = await scene.add(Summary, prefix="in/")
        await scene.registry.save(xid, State(starts=1, objects=99, after="in/a"))
        await scene.run()
        state = (await scene.find(xid)).state
        assert (state.objects, state.bytes) == (2, 6)
        assert (state.sizes.smallest, state.sizes.largest) == (1, 5)

    run(main())


def test_a_summary_of_nothing_is_nothing(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        state = (await scene.done(Summary)).state
        assert (state.objects, state.sizes.smallest, state.aborted) == (0, 0, False)

    run(main())


def test_cleaning_up_ends_when_there_is_no_more(scene: Scene) -> None:
    async def main() -> None:
        scene.more = 4
        assert (await scene.done(Cleanup)).is_over
        assert scene.rounds == 4

    run(main())


def test_nothing_is_evicted(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a")
        done = await scene.done(Lru, bucket="", target="")
        assert (done.state.objects, done.state.aborted) == (0, False)
        assert await scene.names() == ["a"]

    run(main())


def test_a_job_on_a_bucket_that_is_gone_says_so(scene: Scene) -> None:
    async def main() -> None:
        for kind in (DeleteObjects, Summary, Lru):
            done = await scene.done(kind)
            assert done.state.aborted
            assert "does not exist" in done.state.abort_error

    run(main())
