"""What each kind of job does, against the model store."""

from __future__ import annotations

from cluster.jobs import kinds
from cluster.jobs.kinds import KINDS, Start, find_kind
from cluster.jobs.records import State
from cluster.jobs.runner import RUNS
from cluster.jobs.work import PAGE
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


def test_what_can_be_started_can_be_run_and_nothing_else() -> None:
    assert {k.name for k in KINDS.values() if k.start in (Start.REQUEST, Start.ASKED)} == {*RUNS}


def test_a_kind_is_found_by_either_name() -> None:
    assert find_kind("cleanup") is find_kind("cleanup-store") is KINDS["cleanup-store"]
    assert find_kind("rename-bucket") is KINDS["move-bck"]
    assert find_kind("nonsense") is None


def test_a_list_is_deleted_and_nothing_else(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a", "b", "c")
        done = await scene.done(kinds.DELETE_OBJECTS, ["a", "c", "never"])
        assert await scene.names() == ["b"]
        assert (done.state.objects, done.state.error, done.is_over) == (2, "", True)
        assert not done.state.aborted
        assert scene.told == ["a", "c"]

    run(main())


def test_a_list_longer_than_a_transaction_is_deleted(scene: Scene) -> None:
    names = [f"{n:05}" + "\x01" * 900 for n in range(700)]

    async def main() -> None:
        await scene.buckets()
        await scene.put(*names, "rest")
        done = await scene.done(kinds.DELETE_OBJECTS, names)
        assert await scene.names() == ["rest"]
        assert done.job.pieces > 1
        assert (await scene.coordination.range("/job-names/"))[0] == []

    run(main())


def test_a_template_is_deleted(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put(*(f"p{n}" for n in range(12)), "p03")
        done = await scene.done(kinds.DELETE_OBJECTS, template="p{0..9..3}")
        assert await scene.names() == sorted(
            ["p03", *(f"p{n}" for n in (1, 2, 4, 5, 7, 8, 10, 11))]
        )
        assert done.state.objects == 4

    run(main())


def test_a_prefix_is_deleted_however_many_pages_it_has(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put(*(f"in/{n:05}" for n in range(PAGE + 700)), "iz", "im")
        done = await scene.done(kinds.DELETE_OBJECTS, prefix="in/")
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
            await scene.done(kinds.DELETE_OBJECTS, ["a", "never"])
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
        done = await scene.done(kinds.DELETE_OBJECTS, ["a", "kept"])
        assert await scene.names() == ["kept"]
        assert done.state.error == "kept: ObjectLocked"
        assert (done.state.objects, done.state.aborted) == (1, False)

    run(main())


def test_a_deletion_that_is_resumed_leaves_what_is_new(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a", "b")
        xid = await scene.add(kinds.DELETE_OBJECTS, ["a", "b"])
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
        done = await scene.done(kinds.COPY_BUCKET, prepend="new/", workers=3)
        assert await scene.names("target") == ["new/a", "new/b/c"]
        assert (done.state.objects, done.state.bytes, done.is_over) == (2, 8, True)

    run(main())


def test_a_dry_run_counts_and_copies_nothing(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a", "b")
        bucket = await scene.done(kinds.COPY_BUCKET, dry_run=True)
        some = await scene.done(kinds.COPY_OBJECTS, ["a"], dry_run=True)
        assert await scene.names("target") == []
        assert (bucket.state.objects, some.state.objects, some.state.bytes) == (2, 1, 4)

    run(main())


def test_a_name_of_a_list_that_is_missing_is_told_and_one_of_a_template_is_not(
    scene: Scene,
) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("p1")
        some = await scene.done(kinds.COPY_OBJECTS, ["p1", "p2"])
        assert (some.state.objects, some.state.error) == (1, "p2: does not exist")
        every = await scene.done(kinds.COPY_OBJECTS, template="p{0..5}")
        assert (every.state.objects, every.state.error) == (1, "")

    run(main())


def test_what_cannot_be_copied_ends_the_job_unless_it_is_to_go_on(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put(*(f"{n:02}" for n in range(20)))
        scene.refuse = {"03"}
        ended = await scene.done(kinds.COPY_BUCKET)
        assert ended.state.aborted
        assert ended.state.abort_error == "03: it is not to be"
        assert len(await scene.names("target")) < 19
        gone_on = await scene.done(kinds.COPY_BUCKET, go_on=True)
        assert (gone_on.state.aborted, gone_on.state.objects) == (False, 19)
        assert gone_on.state.error == "03: it is not to be"

    run(main())


def test_a_copy_is_resumed_where_it_was(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put(*(f"{n:02}" for n in range(20)))
        xid = await scene.add(kinds.COPY_BUCKET)
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
        xid = await scene.add(kinds.SUMMARY, prefix="in/")
        await scene.registry.save(xid, State(starts=1, objects=99, after="in/a"))
        await scene.run()
        state = (await scene.find(xid)).state
        assert (state.objects, state.bytes) == (2, 6)
        assert (state.sizes.smallest, state.sizes.largest) == (1, 5)

    run(main())


def test_a_summary_of_nothing_is_nothing(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        state = (await scene.done(kinds.SUMMARY)).state
        assert (state.objects, state.sizes.smallest, state.aborted) == (0, 0, False)

    run(main())


def test_cleaning_up_ends_when_there_is_no_more(scene: Scene) -> None:
    async def main() -> None:
        scene.more = 4
        assert (await scene.done(kinds.CLEANUP)).is_over
        assert scene.rounds == 4

    run(main())


def test_nothing_is_evicted(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a")
        done = await scene.done(kinds.LRU, bucket="", target="")
        assert (done.state.objects, done.state.aborted) == (0, False)
        assert await scene.names() == ["a"]

    run(main())


def test_a_job_on_a_bucket_that_is_gone_says_so(scene: Scene) -> None:
    async def main() -> None:
        for kind in (kinds.DELETE_OBJECTS, kinds.SUMMARY, kinds.LRU):
            done = await scene.done(kind)
            assert done.state.aborted
            assert "does not exist" in done.state.abort_error

    run(main())
