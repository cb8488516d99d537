"""Building the indexes of archives before somebody reads their members."""

from __future__ import annotations

from cluster.jobs.index_shards import IndexShards
from cluster.jobs.job import State
from storage.archives import ArchiveFormat
from storage.values import PutOptions
from tests.archives.made import made, tar, zipped
from tests.archives.stored import Counting
from tests.cluster.jobs.scene import Scene
from tests.storage.bodies import body_of
from tests.storage.digests import Md5Digest
from tests.storage.encrypting import encrypted
from tests.storage.event_loop import run

FILES = [(f"{number:02}.txt", bytes(1000)) for number in range(20)]
TAR, ZIP = tar(FILES), zipped(FILES)


async def reads_to_index(scene: Scene, name: str) -> int:
    """How many bytes must still be read before a member is found."""
    store = scene.store
    assert isinstance(store, Counting)
    before = store.read_bytes
    shard = await scene.archives.open(store, "bucket", name)
    await shard.index()
    return store.read_bytes - before


def test_archives_are_indexed_and_nothing_else_is_read(scene: Scene) -> None:
    async def main() -> None:
        scene.store = store = Counting()
        await scene.buckets()
        await scene.put("a.tar", body=TAR)
        await scene.put("b.zip", body=ZIP)
        for name in ("c.tgz", "d.tar.gz"):
            await scene.put(name, body=made(ArchiveFormat.TGZ, FILES))
        await scene.put("e.txt", body=b"x" * 1000)
        done = await scene.done(IndexShards, workers=3)
        assert (done.state.objects, done.state.error) == (2, "")
        assert done.state.bytes == len(TAR) + len(ZIP)
        assert 0 < store.read_bytes < 2 * done.state.bytes
        assert [await reads_to_index(scene, name) for name in ("a.tar", "b.zip")] == [0, 0]
        again = store.read_bytes
        assert (await scene.done(IndexShards)).state.objects == 2
        assert store.read_bytes == again

    run(main())


def test_only_archives_with_the_prefix_are_indexed(scene: Scene) -> None:
    async def main() -> None:
        scene.store = Counting()
        await scene.buckets()
        for name in ("in/a.tar", "out.tar"):
            await scene.put(name, body=TAR)
        done = await scene.done(IndexShards, prefix="in/")
        assert done.state.objects == 1
        assert await reads_to_index(scene, "in/a.tar") == 0
        assert await reads_to_index(scene, "out.tar") > 0

    run(main())


def test_what_is_no_archive_or_encrypted_is_told(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        await scene.put("a.tar", body=b"x" * 2000)
        await scene.put("c.tar", body=TAR)
        said = encrypted()
        assert said.encryption is not None
        options = PutOptions(Md5Digest(), said, data_key=said.encryption.wrapped)
        await scene.store.put_object("bucket", "b.tar", body_of(TAR), options)
        done = await scene.done(IndexShards)
        assert (done.state.objects, done.state.aborted) == (1, False)
        assert [error.partition(":")[0] for error in done.state.errors] == ["a.tar", "b.tar"]

    run(main())


def test_indexing_starts_again_after_a_crash(scene: Scene) -> None:
    async def main() -> None:
        await scene.buckets()
        for name in ("a.tar", "b.tar"):
            await scene.put(name, body=TAR)
        xid = await scene.add(IndexShards)
        await scene.registry.save(xid, State(starts=1, objects=9, after="a.tar"))
        await scene.run()
        assert (await scene.find(xid)).state.objects == 2

    run(main())
