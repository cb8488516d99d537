"""fsck and scrub: what is wrong is found, what can be repaired is, and no only copy is deleted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import apsw
import apsw.sqlite_extra
import pytest

from storage.backends.local import LocalStore, StoreOptions, prepare
from storage.backends.local.fsck import check, rebuild
from storage.backends.local.scrub import scrub
from storage.errors import Corrupt, ObjectNotFound, StorageError
from storage.startup_errors import MountpathError
from storage.values import Attributes, BucketOptions, CompleteOptions, Sealed
from tests.storage.bodies import pattern
from tests.storage.damage import as_killed, flip
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store, mountpaths_in
from tests.storage.sync_bucket import OWNER, SyncBucket, put_options

BLOCK = 512 * 1024
LARGE = pattern(2 * BLOCK + 5)


@pytest.fixture
def paths(tmp_path: Path, clock: FakeClock) -> list[Path]:
    """A closed store of two mountpaths with objects of every kind."""
    paths = mountpaths_in(tmp_path, 2)
    with local_store(paths, clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER, "eu")))
        bucket = SyncBucket(store, "bucket")
        for number in range(6):
            bucket.put(f"small-{number}", pattern(100, number))
            bucket.put(f"large-{number}", pattern(100_000, number))
            clock.advance_s(1)
        bucket.put_in_parts("parts", LARGE, b"tail")
        bucket.put("empty")
        bucket.upload_of("unfinished", b"part")
        bucket.update("large-0", lambda _: Attributes(tags={"colour": "red"}))
    return paths


def test_a_scrub_of_a_stopped_store_leaves_a_damaged_log_as_it_is(
    reopened: SyncBucket, paths: list[Path], tmp_path: Path
) -> None:
    for number in range(20):
        reopened.put(str(number), b"x")
    killed = [as_killed(path, tmp_path / f"killed-{path.name}") for path in paths]
    log = killed[0] / "index.db-wal"
    flip(log, log.stat().st_size // 2)
    before = log.read_bytes()
    with pytest.raises(Corrupt, match="would be lost"):
        scrub(killed)
    assert log.read_bytes() == before


@pytest.fixture
def reopened(paths: list[Path], clock: FakeClock) -> Iterator[SyncBucket]:
    with local_store(paths, clock, StoreOptions()) as store:
        yield SyncBucket(store, "bucket")


def assert_all_there(bucket: SyncBucket, *, inline: bool = True) -> None:
    for number in range(6):
        assert bucket.read(f"large-{number}") == pattern(100_000, number)
        if inline:
            assert bucket.read(f"small-{number}") == pattern(100, number)
    assert bucket.read("parts") == LARGE + b"tail"
    assert [part.size for part in bucket.parts_of("parts")] == [len(LARGE), 4]


def blob_of(paths: list[Path], size: int) -> Path:
    """Some blob of at least that size."""
    files = [file for path in paths for file in (path / "blobs").rglob("*") if file.is_file()]
    return max(file for file in files if file.stat().st_size >= size)


def execute(path: Path, sql: str) -> None:
    apsw.sqlite_extra.load(apsw.Connection(":memory:"), "cksumvfs")
    connection = apsw.Connection(str(path / "index.db"), vfs="cksmvfs")
    connection.execute(sql)
    connection.close()


def test_a_sound_store_is_clean(paths: list[Path]) -> None:
    report = check(paths)
    assert report.clean
    assert (report.objects, report.parts, report.blobs) == (14, 1, 6 + 3 + 1)


def test_a_running_server_is_not_checked(paths: list[Path]) -> None:
    with prepare(paths):
        with pytest.raises(MountpathError):
            check(paths)
        with pytest.raises(MountpathError):
            rebuild(paths)


def test_a_missing_and_a_cut_blob_are_found(paths: list[Path]) -> None:
    blob_of(paths, len(LARGE)).unlink()
    cut = blob_of(paths, 100_000)
    os.truncate(cut, 5)
    found = {(finding.name, finding.blob == cut.name) for finding in check(paths).damaged}
    assert ("parts", False) in found
    assert len(found) == 2


def test_an_orphan_goes_to_quarantine(paths: list[Path]) -> None:
    execute(paths[0], "DELETE FROM objects")
    execute(paths[1], "DELETE FROM objects")
    report = check(paths)
    assert len(report.orphans) == 6 + 3
    assert len(report.counters) == 2
    assert not check(paths, repair=True).clean
    assert check(paths).clean
    kept = [file for path in paths for file in (path / "quarantine").iterdir()]
    assert len(kept) == 9


def test_wrong_counters_are_corrected(paths: list[Path], clock: FakeClock) -> None:
    execute(paths[0], "UPDATE usage SET objects = 99, bytes = 1")
    assert check(paths, repair=True).counters
    assert check(paths).clean
    with local_store(paths, clock, StoreOptions()) as store:
        assert run(store.usage()).objects == 14


def test_rebuilding_a_sound_index_changes_nothing(paths: list[Path], clock: FakeClock) -> None:
    rebuilt = rebuild(paths)
    assert (rebuilt.buckets, rebuilt.salvaged, rebuilt.inline) == (1, 14, 6)
    assert (rebuilt.from_labels, rebuilt.uploads, rebuilt.parts) == (0, 1, 1)
    assert not rebuilt.unreadable
    assert not rebuilt.incomplete
    assert all((path / "index.db").exists() for path in rebuilt.set_aside)
    assert check(paths).clean
    with local_store(paths, clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        assert_all_there(bucket)
        assert bucket.info("large-0").attributes.tags == {"colour": "red"}
        assert len(bucket.uploads().uploads) == 1
        assert run(store.head_bucket("bucket")).location == "eu"


def test_blobs_alone_bring_their_objects_back(paths: list[Path], clock: FakeClock) -> None:
    for path in paths:
        (path / "index.db").unlink()
    rebuilt = rebuild(paths)
    assert (rebuilt.buckets, rebuilt.from_labels, rebuilt.salvaged) == (1, 7, 0)
    assert len(rebuilt.unreadable) == 2
    with local_store(paths, clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        assert_all_there(bucket, inline=False)
        assert run(store.head_bucket("bucket")).owner == OWNER
        with pytest.raises(ObjectNotFound):
            bucket.read("small-0")
    report = check(paths)
    assert [finding.name for finding in report.orphans] == ["unfinished"]


def test_what_came_in_parts_and_is_whole_comes_back_so(tmp_path: Path, clock: FakeClock) -> None:
    with local_store([tmp_path], clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "bucket")
        upload = bucket.upload_of("a", LARGE, b"tail")
        options = CompleteOptions((1, 2), lambda *_: Sealed("etag"), whole=True, modified_ns=7)
        info = run(store.complete_upload("bucket", "a", upload.id, options))
    (tmp_path / "index.db").unlink()
    rebuild([tmp_path])
    assert check([tmp_path]).clean
    with local_store([tmp_path], clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        assert bucket.info("a") == info
        assert bucket.read("a") == LARGE + b"tail"


def test_a_torn_index_is_salvaged_as_far_as_it_reads(tmp_path: Path, clock: FakeClock) -> None:
    """No wrong byte, and every object that has a blob."""
    with local_store([tmp_path], clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "bucket")
        for number in range(120):
            bucket.put(f"inline-{number:03}", pattern(3000, number))
        bucket.put("large", LARGE)
    index = tmp_path / "index.db"
    with open(index, "r+b") as file:
        for page in range(20, index.stat().st_size // 4096, 40):
            file.seek(page * 4096 + 700)
            file.write(b"\xff" * 20)
    with pytest.raises(Corrupt):
        _read_everything(tmp_path, clock)
    rebuilt = rebuild([tmp_path])
    assert rebuilt.salvaged + rebuilt.from_labels > 60
    assert rebuilt.incomplete or rebuilt.unreadable
    assert _read_everything(tmp_path, clock) >= 60


def _read_everything(path: Path, clock: FakeClock) -> int:
    with local_store([path], clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        names = bucket.names()
        assert "large" in names
        for name in names:
            number = name.removeprefix("inline-")
            assert bucket.read(name) == (LARGE if name == "large" else pattern(3000, int(number)))
        return len(names)


def test_the_newest_blob_of_a_name_wins(tmp_path: Path, clock: FakeClock) -> None:
    with local_store([tmp_path], clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "bucket")
        for number in range(4):
            clock.advance_s(1)
            bucket.put("a", pattern(100_000, number), options=put_options())
    (tmp_path / "index.db").unlink()
    rebuild([tmp_path])
    with local_store([tmp_path], clock, StoreOptions()) as store:
        assert SyncBucket(store, "bucket").read("a") == pattern(100_000, 3)
    report = check([tmp_path], repair=True)
    assert [finding.problem for finding in report.orphans] == ["replaced since"] * 3
    assert check([tmp_path]).clean


def test_scrubbing_reads_everything_beside_a_running_server(
    reopened: SyncBucket, paths: list[Path]
) -> None:
    seen: list[int] = []
    done = scrub(paths, rate_bytes_s=1e12, progress=lambda each: seen.append(each.objects))
    assert done.damage == ()
    assert (done.objects, done.blobs) == (15, 6 + 3 + 1)
    assert done.read_bytes == 600_000 + len(LARGE) + 4 + 4
    assert seen == list(range(1, 16))


def test_scrubbing_names_what_is_damaged_and_leaves_it(
    reopened: SyncBucket, paths: list[Path]
) -> None:
    blob = blob_of(paths, len(LARGE))
    with open(blob, "r+b") as file:
        file.seek(BLOCK + 7)
        file.write(b"?")
    (damage,) = scrub(paths).damage
    assert (damage.bucket, damage.name, damage.blob) == ("bucket", "parts", blob.name)
    assert blob.exists()
    with pytest.raises(StorageError):
        reopened.read("parts")


def test_a_local_store_is_what_fsck_left(paths: list[Path], clock: FakeClock) -> None:
    check(paths, repair=True)
    with local_store(paths, clock, StoreOptions()) as store:
        assert isinstance(store, LocalStore)
        assert_all_there(SyncBucket(store, "bucket"))
