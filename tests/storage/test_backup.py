"""Backups: a moment of the source, whatever goes on meanwhile, and nothing damaged in silence."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from storage.backends.local import LocalStore, Maintainer, StoreOptions, prepare
from storage.backends.local.backup import BackedUp, BackupOptions, back_up
from storage.backends.local.backup_folder import BackupRefused
from storage.backends.local.blob_hold import blobs_held
from storage.backends.local.fsck import check
from storage.backends.local.mountpath import read_mountpaths
from storage.backends.local.scrub import scrub
from storage.errors import Corrupt, ObjectNotFound
from storage.startup_errors import MountpathError
from storage.values import BucketOptions, Versioning
from tests.server_process import ROOT
from tests.storage.backup_child import BUCKET, keys, number_in
from tests.storage.bodies import pattern
from tests.storage.damage import as_killed, flip
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import blobs_in, collect, local_store, mountpaths_in
from tests.storage.sync_bucket import OWNER, SyncBucket

LARGE = pattern(700_000)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return mountpaths_in(tmp_path, 2)


@pytest.fixture
def backend(paths: list[Path], clock: FakeClock) -> Iterator[LocalStore]:
    with local_store(paths, clock, StoreOptions()) as store:
        yield store


@contextmanager
def opened(folders: tuple[Path, ...], clock: FakeClock) -> Iterator[SyncBucket]:
    with local_store(folders, clock, StoreOptions()) as store:
        yield SyncBucket(store, BUCKET)


def backup_of(paths: list[Path], target: Path, *, verify: bool = False) -> BackedUp:
    return back_up(paths, target, BackupOptions(verify=verify))


def only_blob(paths: list[Path]) -> Path:
    (blob,) = (file for path in paths for file in (path / "blobs").glob("*/*"))
    return blob


# The moment


@contextmanager
def child(*words: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.storage.backup_child", *map(str, words)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def begun(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def ended(process: subprocess.Popen[str]) -> str:
    """What it prints at its end."""
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output


def assert_one_moment(bucket: SyncBucket, slot: str) -> int:
    """A key that is written after another never has a later generation. Where the last one is."""
    numbers = []
    for key in keys(slot):
        try:
            numbers.append(number_in(bucket.read(key)))
        except ObjectNotFound:
            assert key.endswith("/again")
    assert all(one >= other for one, other in pairwise(numbers)), numbers
    assert numbers[0] - numbers[-1] <= 1, numbers
    return numbers[-1]


def test_a_backup_beside_writers_is_one_moment_of_all_mountpaths(
    tmp_path: Path, paths: list[Path], clock: FakeClock
) -> None:
    with local_store(paths, clock, StoreOptions()) as store:
        run(store.create_bucket(BUCKET, BucketOptions(OWNER)))
    with (
        prepare(paths),
        child("write", "one", *paths) as one,
        child("write", "two", *paths) as two,
        child("maintain", *paths) as maintaining,
    ):
        assert [begun(one), begun(two)] == ["begun\n"] * 2
        done = [backup_of(paths, tmp_path / "backups") for _ in range(4)]
        ended(one), ended(two)
        assert int(ended(maintaining)) > 0
    seen = []
    for each in done:
        assert each.damage == ()
        assert check(each.folders).clean
        assert scrub(each.folders).damage == ()
        with opened(each.folders, clock) as bucket:
            seen.append([assert_one_moment(bucket, slot) for slot in ("one", "two")])
    assert seen == sorted(seen)
    assert seen[0] != seen[-1]


def test_a_backup_has_what_was_acknowledged_before_it_and_nothing_later(
    bucket: SyncBucket, paths: list[Path], tmp_path: Path, clock: FakeClock
) -> None:
    bucket.set_versioning(Versioning.ENABLED)
    for number in range(3):
        bucket.put("large", pattern(100_000, number))
    bucket.put("small", b"small")
    bucket.put_in_parts("parts", LARGE, b"tail")
    bucket.put("gone")
    bucket.remove("gone")
    upload = bucket.upload_of("unfinished", pattern(90_000))
    history = bucket.versions().versions

    def change(done: BackedUp) -> None:
        if done.objects == 1:
            bucket.put("small", b"later")
            bucket.remove("parts", bucket.info("parts").version)
            bucket.abort(upload)
            with closing(Maintainer(paths)) as maintainer:
                collect(maintainer)

    done = back_up(paths, tmp_path / "backups", BackupOptions(progress=change))
    assert done.damage == ()
    with opened(done.folders, clock) as restored:
        assert restored.versions().versions == history
        assert restored.read("small") == b"small"
        assert restored.read("parts") == LARGE + b"tail"
        (unfinished,) = restored.uploads().uploads
        restored.complete(unfinished, 1)
        assert restored.read("unfinished") == pattern(90_000)
    assert check(done.folders).clean


def test_an_object_that_was_renamed_to_another_mountpath_is_in_the_backup(
    bucket: SyncBucket, paths: list[Path], tmp_path: Path, clock: FakeClock
) -> None:
    for number in range(8):
        bucket.put(str(number), pattern(50_000, number))
        bucket.rename(str(number), f"renamed-{number}")
    done = backup_of(paths, tmp_path / "backups")
    assert check(done.folders).clean
    with opened(done.folders, clock) as restored:
        for number in range(8):
            assert restored.read(f"renamed-{number}") == pattern(50_000, number)


# Removal waits


def test_no_blob_is_removed_while_a_backup_may_need_it(
    bucket: SyncBucket, paths: list[Path]
) -> None:
    bucket.put("large", LARGE)
    with closing(Maintainer(paths)) as maintainer:
        with blobs_held(read_mountpaths(paths)[0]):
            bucket.delete("large")
            collect(maintainer)
            assert len(blobs_in(paths)) == 1
        collect(maintainer)
    assert blobs_in(paths) == set()


def test_recovery_leaves_blobs_in_doubt_while_a_backup_runs(
    paths: list[Path], clock: FakeClock
) -> None:
    """The worker died after the commit, before it removed the second name; then the object was
    deleted."""
    with local_store(paths, clock, StoreOptions()) as store:
        run(store.create_bucket(BUCKET, BucketOptions(OWNER)))
        bucket = SyncBucket(store, BUCKET)
        bucket.put("large", LARGE)
        blob = only_blob(paths)
        os.link(blob, blob.parents[2] / "work" / "0" / blob.name)
        first = read_mountpaths(paths)[0]
    with blobs_held(first):
        with local_store(paths, clock, StoreOptions()) as store:
            SyncBucket(store, BUCKET).delete("large")
        with local_store(paths, clock, StoreOptions()):
            assert blob.exists()
    with local_store(paths, clock, StoreOptions()):
        assert not blob.exists()


def test_a_killed_backup_holds_nothing_and_the_next_one_uses_what_it_has(
    tmp_path: Path, bucket: SyncBucket, paths: list[Path], clock: FakeClock
) -> None:
    for number in range(6):
        bucket.put(f"large-{number}", pattern(100_000, number))
    target = tmp_path / "backups"
    with child("backup", target, 4, *paths) as process:
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    (unfinished,) = target.glob("*.unfinished")
    assert not list(target.glob("*Z"))
    half_written = next(iter(unfinished.glob("*/blobs/*/*")))
    flip(half_written, 50_000)

    bucket.delete("large-0")
    with closing(Maintainer(paths)) as maintainer:
        collect(maintainer)
    assert len(blobs_in(paths)) == 5
    done = backup_of(paths, target)
    assert done.damage == ()
    assert done.linked_blobs in (2, 3)
    assert done.copied_blobs + done.linked_blobs == 5
    assert [each for each in target.iterdir() if each.is_dir()] == [done.folders[0].parent]
    assert check(done.folders).clean
    assert scrub(done.folders).damage == ()


# The second one


def test_a_second_backup_copies_only_what_is_new(
    bucket: SyncBucket, paths: list[Path], tmp_path: Path, clock: FakeClock
) -> None:
    target = tmp_path / "backups"
    for number in range(4):
        bucket.put(f"large-{number}", pattern(100_000, number))
    first = backup_of(paths, target)
    assert (first.copied_blobs, first.linked_blobs) == (4, 0)
    bucket.put("large-4", LARGE)
    bucket.delete("large-0")
    second = backup_of(paths, target)
    assert (second.copied_blobs, second.linked_blobs) == (1, 3)
    for folder in first.folders:
        shutil.rmtree(folder)
    with opened(second.folders, clock) as restored:
        assert restored.read("large-1") == pattern(100_000, 1)
        assert restored.read("large-4") == LARGE
    assert check(second.folders).clean


def test_what_an_earlier_backup_has_can_be_verified(
    bucket: SyncBucket, paths: list[Path], tmp_path: Path
) -> None:
    bucket.put("large", LARGE)
    target = tmp_path / "backups"
    first = backup_of(paths, target)
    flip(only_blob(list(first.folders)), 1000)
    second = backup_of(paths, target, verify=True)
    assert (second.copied_blobs, second.linked_blobs) == (1, 0)
    assert scrub(second.folders).damage == ()


def test_what_is_cut_in_an_earlier_backup_is_not_used(
    bucket: SyncBucket, paths: list[Path], tmp_path: Path
) -> None:
    bucket.put("large", LARGE)
    target = tmp_path / "backups"
    os.truncate(only_blob(list(backup_of(paths, target).folders)), 5000)
    second = backup_of(paths, target)
    assert (second.copied_blobs, second.linked_blobs) == (1, 0)


# Damage


def test_a_damaged_blob_is_named_and_kept_aside(
    bucket: SyncBucket, paths: list[Path], tmp_path: Path, clock: FakeClock
) -> None:
    bucket.put("large", LARGE)
    blob = only_blob(paths)
    bucket.put("other", LARGE)
    flip(blob, 600_000)
    target = tmp_path / "backups"
    for _ in range(2):
        done = backup_of(paths, target)
        (damage,) = done.damage
        assert (damage.name, damage.blob) == ("large", blob.name)
        assert "block 1 is not what was stored" in damage.reason
        (aside,) = (each for path in done.folders for each in (path / "quarantine").iterdir())
        assert aside.read_bytes() == blob.read_bytes()
        with opened(done.folders, clock) as restored:
            assert restored.read("other") == LARGE
    assert [each.problem for each in check(done.folders).damaged] == ["blob missing"]


def test_a_missing_blob_is_named(bucket: SyncBucket, paths: list[Path], tmp_path: Path) -> None:
    bucket.put("large", LARGE)
    only_blob(paths).unlink()
    (damage,) = backup_of(paths, tmp_path / "backups").damage
    assert (damage.name, damage.reason) == ("large", "blob missing")


def test_a_damaged_index_is_refused_by_name(
    paths: list[Path], tmp_path: Path, clock: FakeClock
) -> None:
    with local_store(paths, clock, StoreOptions()) as store:
        run(store.create_bucket(BUCKET, BucketOptions(OWNER)))
        for number in range(50):
            SyncBucket(store, BUCKET).put(str(number), pattern(20_000, number))
    file = paths[1] / "index.db"
    flip(file, file.stat().st_size - 2000)
    with pytest.raises(Corrupt, match=f"{file}: .*checksum"):
        backup_of(paths, tmp_path / "backups")
    assert not list((tmp_path / "backups").glob("*Z"))


def test_a_backup_of_a_stopped_store_leaves_a_damaged_log_as_it_is(
    bucket: SyncBucket, paths: list[Path], tmp_path: Path
) -> None:
    for number in range(20):
        bucket.put(str(number), b"x")
    killed = [as_killed(path, tmp_path / f"killed-{path.name}") for path in paths]
    log = killed[0] / "index.db-wal"
    flip(log, log.stat().st_size // 2)
    before = log.read_bytes()
    with pytest.raises(Corrupt, match="would be lost"):
        backup_of(killed, tmp_path / "backups")
    assert log.read_bytes() == before


# The folder


def test_a_folder_with_other_things_is_refused(
    bucket: SyncBucket, paths: list[Path], tmp_path: Path, clock: FakeClock
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").touch()
    with pytest.raises(BackupRefused, match=r"not empty \('letter' is in it\)"):
        backup_of(paths, tmp_path / "full")
    for inside in (paths[0], paths[1] / "backups"):
        with pytest.raises(BackupRefused, match="in the data folder"):
            backup_of(paths, inside)
    others = mountpaths_in(tmp_path / "other", 1)
    with local_store(others, clock, StoreOptions()):
        backup_of(others, tmp_path / "others")
    with pytest.raises(BackupRefused, match="another store"):
        backup_of(paths, tmp_path / "others")
    with pytest.raises(BackupRefused, match="is a data folder"):
        backup_of(paths, others[0])


def test_one_backup_at_a_time_is_written_to_a_folder(
    bucket: SyncBucket, paths: list[Path], tmp_path: Path
) -> None:
    bucket.put("small", b"x")
    target = tmp_path / "backups"

    def again(_: BackedUp) -> None:
        with pytest.raises(BackupRefused, match="another backup"):
            backup_of(paths, target)

    assert back_up(paths, target, BackupOptions(progress=again)).objects == 1


def test_folders_that_were_never_used_have_no_backup(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with pytest.raises(MountpathError, match=r"no mountpath\.json"):
        backup_of([tmp_path / "new"], tmp_path / "backups")


def test_other_files_are_copied_for_their_owner_alone(
    bucket: SyncBucket, paths: list[Path], tmp_path: Path
) -> None:
    (paths[0] / "keyring.json").write_bytes(b"keys")
    (paths[1] / "own.key").write_bytes(b"key")
    for left_out in ("audit.log", "archives.db", "archives.db-wal", "lifecycle.json"):
        (paths[0] / left_out).write_bytes(b"x")
    first, second = backup_of(paths, tmp_path / "backups").folders
    assert (first / "keyring.json").read_bytes() == b"keys"
    assert (second / "own.key").read_bytes() == b"key"
    assert (second / "own.key").stat().st_mode & 0o777 == 0o600
    assert (first / "index.db").stat().st_mode & 0o777 == 0o600
    assert {each.name for each in first.iterdir()} == {
        *("blobs", "work", "quarantine", "mountpath.json", "keyring.json"),
        *("index.db", "index.db-shape", "index.db-noted"),
    }
