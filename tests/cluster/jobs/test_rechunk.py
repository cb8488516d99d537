"""Cutting the objects of a bucket anew, against the model store."""

from __future__ import annotations

import asyncio

import pytest

from cluster.jobs.job import Job, State
from cluster.jobs.job_run import PAGE
from cluster.jobs.placement import Rebalance, Resilver
from cluster.jobs.rechunk import ChunkSizes, Rechunk
from cluster.jobs.warm_up import WarmUp
from storage.backends.memory import MemoryBackend
from storage.chunking import Chunking
from storage.errors import Corrupt, ObjectChanged, OutOfSpace, StorageError
from storage.values import (
    READ_ALL,
    DeleteRequest,
    PutOptions,
    ReadOptions,
    Versioning,
    VersionQuery,
)
from tests.cluster.jobs.scene import Scene
from tests.storage.bodies import body_of
from tests.storage.digests import Md5Digest
from tests.storage.encrypting import encrypted
from tests.storage.event_loop import run

SIZES = ChunkSizes(10, 4)


async def chunks_of(scene: Scene) -> dict[str, list[int]]:
    """Of all versions of each name, newest first."""
    found: dict[str, list[int]] = {}
    page = await scene.store.list_versions("bucket", VersionQuery(limit=100_000))
    for entry in page.versions:
        found.setdefault(entry.info.name, []).append(entry.info.chunks)
    return found


def test_large_objects_are_cut_and_small_ones_put_together(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("large", "larger", body=b"x" * 12)
        await scene.put("small", body=b"x" * 9)
        assert await scene.store.rechunk_object("bucket", "small", Chunking(1, 1))
        done = await scene.done(Rechunk, chunks=SIZES)
        assert await chunks_of(scene) == {"large": [3], "larger": [3], "small": [0]}
        assert (done.state.objects, done.state.bytes, done.state.error) == (3, 33, "")
        assert done.is_over
        again = await scene.done(Rechunk, chunks=ChunkSizes(1 << 40, 1))
        assert set(map(sum, (await chunks_of(scene)).values())) == {0}
        assert again.state.objects == 3

    run(main())


def test_only_what_has_the_prefix_is_cut(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a", "in/a", "in/b", "out", body=b"x" * 12)
        done = await scene.done(Rechunk, prefix="in/", chunks=SIZES)
        assert await chunks_of(scene) == {"a": [0], "in/a": [3], "in/b": [3], "out": [0]}
        assert done.state.objects == 2

    run(main())


def test_all_versions_are_cut_and_markers_are_no_objects(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets(Versioning.ENABLED)
        for _ in range(3):
            await scene.put("a", "b", body=b"x" * 12)
        await scene.store.delete_object("bucket", DeleteRequest("b"))
        done = await scene.done(Rechunk, chunks=SIZES)
        assert await chunks_of(scene) == {"a": [3] * 3, "b": [0, *[3] * 3]}
        assert done.state.objects == 6

    run(main())


def test_more_versions_than_a_page_are_cut(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets(Versioning.ENABLED)
        for _ in range(PAGE + 50):
            await scene.put("a", body=b"x" * 12)
        done = await scene.done(Rechunk, chunks=SIZES)
        assert done.state.objects == PAGE + 50
        assert await chunks_of(scene) == {"a": [3] * (PAGE + 50)}

    run(main())


def test_it_goes_on_where_it_was(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets(Versioning.ENABLED)
        for _ in range(3):
            await scene.put("a", "b", body=b"x" * 12)
        page = await scene.store.list_versions("bucket", VersionQuery())
        second = page.versions[1].info
        xid = await scene.add(Rechunk, chunks=SIZES)
        state = State(starts=1, objects=2, after="a", after_version=second.version)
        await scene.registry.save(xid, state)
        await scene.run()
        assert await chunks_of(scene) == {"a": [0, 0, 3], "b": [3] * 3}
        assert (await scene.find(xid)).state.objects == 6

    run(main())


def test_what_is_encrypted_is_cut_if_the_server_has_its_key(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        for name, known in (("a", True), ("b", False)):
            said = encrypted()
            assert said.encryption is not None
            key = said.encryption.wrapped
            if not known:
                scene.unknown_keys.add(key)
            options = PutOptions(Md5Digest(), said, data_key=key)
            await scene.store.put_object("bucket", name, body_of(b"x" * 12), options)
        await scene.put("c", body=b"x" * 12)
        done = await scene.done(Rechunk, chunks=SIZES)
        assert await chunks_of(scene) == {"a": [3], "b": [0], "c": [3]}
        assert (done.state.objects, done.state.aborted) == (2, False)
        assert done.state.error == "b: it is the customer's"

    run(main())


class Troubled(MemoryBackend):
    """A store in which `b` is in trouble, or takes for ever if there is none."""

    def __init__(self, trouble: StorageError | None = None) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self._trouble = trouble

    async def rechunk_object(
        self, bucket: str, name: str, chunks: Chunking, options: ReadOptions = READ_ALL
    ) -> bool:
        if name != "b":
            return await super().rechunk_object(bucket, name, chunks, options)
        self.begun.set()
        if self._trouble is None:
            await asyncio.Event().wait()
        raise self._trouble or AssertionError


@pytest.mark.parametrize(
    ("error", "told", "aborted"),
    [
        (ObjectChanged("b"), "", False),
        (Corrupt("a block"), "b: Corrupt", False),
        (OutOfSpace("the disk is full"), "", True),
    ],
)
def test_an_object_that_cannot_be_cut_ends_the_job_only_if_none_can(
    scene: Scene, error: StorageError, told: str, aborted: bool
) -> None:
    async def main() -> None:
        scene.store = Troubled(error)
        await scene.buckets()
        await scene.put("a", "b", "c", body=b"x" * 12)
        done = await scene.done(Rechunk, chunks=SIZES)
        assert (done.state.error, done.state.aborted) == (told, aborted)
        assert await chunks_of(scene) == {"a": [3], "b": [0], "c": [0 if aborted else 3]}

    run(main())


def test_a_job_that_is_stopped_leaves_the_object_that_it_is_at(scene: Scene) -> None:
    """However long that would take."""

    async def main() -> None:
        scene.store = store = Troubled()
        await scene.buckets()
        await scene.put("a", "b", "c", body=b"x" * 12)
        xid = await scene.add(Rechunk, chunks=SIZES)
        runner = scene.runner()

        async def over(_: float) -> bool:
            await asyncio.sleep(0)
            return (await scene.find(xid)).is_over

        running = asyncio.create_task(runner.run(over))
        await store.begun.wait()
        await scene.registry.stop(xid)
        await running
        assert (await scene.find(xid)).state.aborted
        assert await chunks_of(scene) == {"a": [3], "b": [0], "c": [0]}

    run(main())


# Kinds that find nothing to do, or only look


def test_what_is_known_of_objects_is_read(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a", "b")
        done = await scene.done(WarmUp)
        assert (done.state.objects, done.state.bytes) == (2, 8)

    run(main())


@pytest.mark.parametrize("kind", [Rebalance, Resilver])
def test_nothing_is_out_of_its_place(scene: Scene, kind: type[Job]) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a")
        done = await scene.done(kind, bucket="")
        assert (done.state.objects, done.state.aborted) == (0, False)

    run(main())
