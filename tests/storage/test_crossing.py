"""Renames between mountpaths, beyond the contract: the bytes stay where they are, whoever looks
after them knows that, and nobody sees an object under both names or neither."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage.backends.local import LocalStore, Maintainer, StoreOptions, index, recover_slot
from storage.backends.local.fsck import check, rebuild
from storage.backends.local.scrub import scrub
from storage.errors import ObjectNotFound, PreconditionFailed
from storage.values import (
    BucketOptions,
    Condition,
    ListQuery,
    RenameOptions,
    Versioning,
    VersionQuery,
)
from tests.storage.bodies import body_of, pattern
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import blobs_in, collect, local_store
from tests.storage.sync_bucket import OWNER, SyncBucket, put_options
from tests.storage.two_mountpaths import BUCKET, folders_that_part, home_of, rows_of

HERE, THERE = "here", "there"
BODY = pattern(700_000, seed=3)
OTHER = pattern(100_000, seed=4)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return folders_that_part(tmp_path, HERE, THERE)


@pytest.fixture
def store(paths: list[Path], clock: FakeClock) -> Iterator[LocalStore]:
    with local_store(paths, clock, StoreOptions()) as store:
        run(store.create_bucket(BUCKET, BucketOptions(OWNER)))
        yield store


@pytest.fixture
def bucket(store: LocalStore) -> SyncBucket:
    return SyncBucket(store, BUCKET)


def blobs_at(paths: list[Path], name: str) -> set[str]:
    return blobs_in([home_of(paths, name).path])


def tidy(paths: list[Path]) -> None:
    with closing(Maintainer(paths)) as maintainer:
        collect(maintainer)


def test_no_byte_moves(bucket: SyncBucket, paths: list[Path]) -> None:
    bucket.put(HERE, BODY)
    bucket.put_in_parts("parts", BODY, OTHER)
    before = {path: blobs_in([path]) for path in paths}
    bucket.rename(HERE, THERE)
    for name in ("a", "b", "c", "d"):
        bucket.rename("parts", name)
        bucket.rename(name, "parts")
    assert {path: blobs_in([path]) for path in paths} == before
    assert bucket.read("parts") == BODY + OTHER


@pytest.mark.parametrize("versioning", Versioning)
def test_the_bytes_go_when_the_object_goes_wherever_they_are(
    bucket: SyncBucket, paths: list[Path], versioning: Versioning
) -> None:
    bucket.set_versioning(versioning)
    bucket.put(HERE, BODY)
    bucket.put_in_parts("parts", BODY, OTHER)
    bucket.rename(HERE, THERE)
    for name in ("a", "b", "c"):
        bucket.rename("parts", name)
        bucket.rename(name, "parts")
    for entry in bucket.versions().versions:
        bucket.remove(entry.info.name, entry.info.version)
    tidy(paths)
    assert blobs_in(paths) == set()
    for table in ("payloads", "renamed", "leaving", "garbage"):
        assert rows_of(paths, f"SELECT * FROM {table}") == []


def test_what_comes_back_is_as_it_was(bucket: SyncBucket, paths: list[Path]) -> None:
    bucket.put(HERE, BODY)
    before = rows_of(paths, "SELECT name, row FROM objects")
    bucket.rename(HERE, THERE)
    assert rows_of(paths, "SELECT name, row FROM objects") != before
    bucket.rename(THERE, HERE)
    assert rows_of(paths, "SELECT name, row FROM objects") == before
    assert rows_of(paths, "SELECT * FROM renamed") == []


def test_a_repeated_rename_is_answered_as_the_first_one(bucket: SyncBucket) -> None:
    bucket.put(HERE, BODY)
    first = bucket.rename(HERE, THERE, RenameOptions(token="t"))
    bucket.put(HERE, OTHER)
    assert bucket.rename(HERE, THERE, RenameOptions(token="t")) == first
    assert (bucket.read(HERE), bucket.read(THERE)) == (OTHER, BODY)
    bucket.rename(HERE, THERE, RenameOptions(token="u"))
    assert bucket.read(THERE) == OTHER


def test_a_refused_rename_leaves_nothing_behind(bucket: SyncBucket, paths: list[Path]) -> None:
    bucket.put(HERE, BODY)
    bucket.put(THERE, OTHER)
    with pytest.raises(PreconditionFailed):
        bucket.rename(HERE, THERE, RenameOptions(Condition(if_none_match=("*",))))
    assert rows_of(paths, "SELECT * FROM leaving") == []
    bucket.put(HERE, b"as before")


def test_arrivals_are_forgotten_in_time(
    bucket: SyncBucket, paths: list[Path], clock: FakeClock
) -> None:
    for _ in range(3):
        bucket.put(HERE, b"x")
        bucket.rename(HERE, THERE)
        clock.advance_s(3600)
    assert len(rows_of(paths, "SELECT * FROM arrived")) == 1


@pytest.mark.parametrize("in_parts", [False, True])
@pytest.mark.parametrize("versioning", [Versioning.NEVER, Versioning.ENABLED])
def test_a_work_file_left_behind_costs_a_renamed_object_nothing(
    paths: list[Path], bucket: SyncBucket, in_parts: bool, versioning: Versioning
) -> None:
    """A worker died between its commit and its tidying up, and others went on."""
    bucket.set_versioning(versioning)
    content = BODY + OTHER if in_parts else BODY
    if in_parts:
        bucket.put_in_parts(HERE, BODY, OTHER)
    else:
        bucket.put(HERE, BODY)
    bucket.rename(HERE, THERE)
    for path in paths:
        dead = path / "work" / "dead"
        dead.mkdir()
        for blob in (file for file in (path / "blobs").rglob("*") if file.is_file()):
            os.link(blob, dead / blob.name)
    recover_slot(paths, "dead")
    assert bucket.read(THERE) == content


@pytest.fixture
def renamed(paths: list[Path], clock: FakeClock) -> list[Path]:
    """A closed store with objects that were renamed to and fro, and one replaced."""
    with local_store(paths, clock, StoreOptions()) as store:
        run(store.create_bucket(BUCKET, BucketOptions(OWNER)))
        bucket = SyncBucket(store, BUCKET)
        bucket.put(HERE, BODY)
        bucket.rename(HERE, THERE)
        bucket.put(HERE, OTHER)
        bucket.put_in_parts("parts", BODY, OTHER)
        for name in ("a", "b", "c"):
            bucket.put(name, OTHER)
            bucket.rename("parts", name)
            bucket.rename(name, "parts")
        bucket.rename("parts", "final")
    return paths


def assert_as_renamed(paths: list[Path], clock: FakeClock) -> None:
    with local_store(paths, clock, StoreOptions()) as store:
        bucket = SyncBucket(store, BUCKET)
        assert bucket.names() == ["final", HERE, THERE]
        assert (bucket.read(HERE), bucket.read(THERE)) == (OTHER, BODY)
        assert bucket.read("final") == BODY + OTHER


def test_fsck_and_scrub_find_blobs_where_they_are(renamed: list[Path]) -> None:
    report = check(renamed)
    assert report.clean
    assert report.objects == 3
    scrubbed = scrub(renamed)
    assert scrubbed.damage == ()
    assert scrubbed.read_bytes == 2 * len(BODY) + 2 * len(OTHER)


def test_damage_of_a_renamed_object_is_found(renamed: list[Path]) -> None:
    for blob in (home_of(renamed, HERE).path / "blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    assert THERE in {finding.name for finding in check(renamed).damaged}
    assert THERE in {damage.name for damage in scrub(renamed).damage}


def test_rebuilding_sound_indexes_keeps_new_names(renamed: list[Path], clock: FakeClock) -> None:
    rebuild(renamed)
    assert check(renamed).clean
    assert_as_renamed(renamed, clock)


def test_blobs_are_known_to_rows_elsewhere_when_their_own_index_is_lost(
    renamed: list[Path], clock: FakeClock
) -> None:
    for file in home_of(renamed, HERE).path.glob("index.db*"):
        file.unlink()
    rebuild(renamed)
    assert check(renamed).damaged == ()
    with local_store(renamed, clock, StoreOptions()) as store:
        bucket = SyncBucket(store, BUCKET)
        assert (bucket.read(HERE), bucket.read(THERE)) == (OTHER, BODY)


def test_an_object_comes_back_under_its_first_name_when_no_index_tells_of_the_new_one(
    renamed: list[Path], clock: FakeClock
) -> None:
    with local_store(renamed, clock, StoreOptions()) as store:
        SyncBucket(store, BUCKET).remove(HERE)
    tidy(renamed)
    for file in home_of(renamed, THERE).path.glob("index.db*"):
        file.unlink()
    rebuild(renamed)
    assert check(renamed).damaged == ()
    with local_store(renamed, clock, StoreOptions()) as store:
        assert SyncBucket(store, BUCKET).read(HERE) == BODY


def test_no_blob_is_an_orphan_while_an_index_cannot_be_read(renamed: list[Path]) -> None:
    """It might be the one whose rows have it."""
    database = home_of(renamed, THERE).index
    with closing(index.connect(database)) as connection:
        connection.wal_checkpoint(mode=2)
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name='objects'").get
    with open(database, "r+b") as file:
        file.seek((int(str(root)) - 1) * 4096 + 100)
        file.write(b"damage" * 20)
    report = check(renamed, repair=True)
    assert report.index
    assert report.orphans == ()


async def _to_and_fro(store: LocalStore, times: int) -> None:
    for _ in range(times):
        await store.rename_object(BUCKET, HERE, THERE, RenameOptions())
        await store.rename_object(BUCKET, THERE, HERE, RenameOptions())


def test_a_listing_beside_renames_has_the_object_once(paths: list[Path], store: LocalStore) -> None:
    """Also one by another process, as which a second store counts."""
    SyncBucket(store, BUCKET).put(HERE, BODY)
    reader = LocalStore.open(paths, slot="1")

    async def look() -> set[int]:
        renames = asyncio.create_task(_to_and_fro(store, 25))
        seen = set()
        while not renames.done():
            for each in (store, reader):
                seen.add(len((await each.list_objects(BUCKET, ListQuery())).objects))
                versions = await each.list_versions(BUCKET, VersionQuery())
                seen.add(len(versions.versions))
                seen.add((await each.usage()).objects)
        await renames
        return seen

    try:
        assert run(look()) == {1}
    finally:
        reader.close()


def test_who_does_not_find_the_one_name_finds_the_other(
    paths: list[Path], store: LocalStore
) -> None:
    """Reads one after the other, from another process: first that it is not here, then there."""
    SyncBucket(store, BUCKET).put(HERE, BODY)
    reader = LocalStore.open(paths, slot="1")

    async def there(name: str) -> bool:
        try:
            await reader.head_object(BUCKET, name)
        except ObjectNotFound:
            return False
        return True

    async def look() -> None:
        for _ in range(25):
            rename = asyncio.create_task(store.rename_object(BUCKET, HERE, THERE, RenameOptions()))
            while not await there(THERE):  # noqa: ASYNC110, a process tells another nothing
                await asyncio.sleep(0)
            assert not await there(HERE)
            await rename
            await store.rename_object(BUCKET, THERE, HERE, RenameOptions())

    try:
        run(look())
    finally:
        reader.close()


def test_writers_of_a_name_that_is_leaving_wait_for_it(
    paths: list[Path], store: LocalStore
) -> None:
    """Two stores write what a third renames; what was written before is never what comes out."""
    bucket = SyncBucket(store, BUCKET)
    writers = [LocalStore.open(paths, slot=str(number)) for number in (1, 2)]

    async def write(writer: LocalStore, size: int) -> None:
        for number in range(20):
            await writer.put_object(BUCKET, HERE, body_of(b"%d" % number * size), put_options())

    async def rename() -> int:
        done = 0
        for _ in range(40):
            try:
                await store.rename_object(BUCKET, HERE, THERE, RenameOptions())
                done += 1
            except ObjectNotFound:
                await asyncio.sleep(0)
        return done

    async def all_at_once() -> int:
        small, large = write(writers[0], 10), write(writers[1], 40_000)
        return (await asyncio.gather(rename(), small, large))[0]

    assert run(all_at_once()) > 0
    for writer in writers:
        writer.close()
    bucket.put(HERE, BODY)
    bucket.rename(HERE, THERE)
    assert bucket.names() == [THERE]
    tidy(paths)
    assert len(blobs_in(paths)) == 1
    assert run(store.usage()).objects == 1


def test_renames_in_both_directions_at_once_do_not_block_one_another(
    paths: list[Path], store: LocalStore
) -> None:
    bucket = SyncBucket(store, BUCKET)
    other = LocalStore.open(paths, slot="1")
    bucket.put(HERE, OTHER)
    bucket.put(THERE, BODY)

    async def swap(each: LocalStore, source: str, name: str) -> None:
        for _ in range(10):
            try:
                await each.rename_object(BUCKET, source, name, RenameOptions())
            except ObjectNotFound:
                await asyncio.sleep(0)

    async def both() -> None:
        await asyncio.gather(swap(store, HERE, THERE), swap(other, THERE, HERE))

    run(both())
    other.close()
    assert len(bucket.names()) == 1
