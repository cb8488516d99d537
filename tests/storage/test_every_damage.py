"""Every kind of damage to every file of a data folder is found, or harms nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from cluster.coordination import Put, embedded
from cluster.coordination.embedded import EmbeddedCoordination
from cluster.coordination.rebuilding import rebuild as rebuild_coordination
from storage import outbox_file
from storage.backends.local import StoreOptions
from storage.backends.local.backup import BackedUp, BackupOptions, back_up
from storage.backends.local.fsck import check, rebuild
from storage.backends.local.mountpath import read_mountpaths
from storage.backends.local.scrub import scrub
from storage.errors import ObjectNotFound, StorageError
from storage.outbox import Record
from storage.outbox_file import FileOutbox
from storage.sqlite.rebuilding import problem_of
from storage.startup_errors import MountpathError
from storage.values import BucketOptions
from tests.storage.bodies import pattern
from tests.storage.damage import as_killed, flip, zero
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store
from tests.storage.sync_bucket import OWNER, SyncBucket

CONTENTS = {
    "small": pattern(500, 1),
    "long": pattern(20_000, 2),
    "large-1": pattern(100_000, 3),
    "large-2": pattern(100_000, 4),
    "parts": pattern(60_000, 5) + b"tail",
}
LINES = [bytes([number]) * 300 for number in range(20)]


def fill(path: Path, clock: FakeClock, copy: Path) -> Path:
    """A folder with all that a server keeps in it, as it leaves it when it is killed."""
    with local_store([path], clock, StoreOptions()) as store:
        for name in ("labelled", "bucket"):
            run(store.create_bucket(name, BucketOptions(OWNER)))
        run(store.rename_bucket("labelled", "renamed"))
        bucket = SyncBucket(store, "bucket")
        for name, content in CONTENTS.items():
            if name == "parts":
                bucket.put_in_parts(name, content[:-4], content[-4:])
            else:
                bucket.put(name, content)
        embedded.prepare(path / "coordination.db")
        outbox_file.prepare(path / "notifications.db")
        with (
            closing(EmbeddedCoordination(path / "coordination.db")) as users,
            closing(FileOutbox(path / "notifications.db", limit_bytes=1 << 20)) as events,
        ):
            run(users.transact([], [Put("users/one", b"1" * 3000), Put("users/two", b"2")]))
            run(events.append([Record("queue", line) for line in LINES]))
            return without_empty_folders(as_killed(path, copy))


def without_empty_folders(folder: Path) -> Path:
    """Most of the 256 folders of blobs, so that copies of it are fast."""
    for each in (folder / "blobs").iterdir():
        with suppress(OSError):
            each.rmdir()
    return folder


def look(path: Path, clock: FakeClock) -> dict[str, object]:
    """All that is in the folder; raises where something is found to be wrong."""
    seen: dict[str, object] = {}
    with local_store([path], clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        seen["names"] = bucket.names()
        seen["buckets"] = [each.name for each in run(store.list_buckets())]
        for name in CONTENTS:
            seen[name] = bucket.read(name)
        seen["parts of parts"] = [part.size for part in bucket.parts_of("parts")]
    embedded.prepare(path / "coordination.db")
    outbox_file.prepare(path / "notifications.db")
    with (
        closing(EmbeddedCoordination(path / "coordination.db")) as users,
        closing(FileOutbox(path / "notifications.db", limit_bytes=1 << 20)) as events,
    ):
        seen["users"] = [(each.key, each.value) for each in run(users.range(""))[0]]
        seen["lines"] = [each.body for each in run(events.read("queue", 100))]
    return seen


def is_found(path: Path) -> bool:
    """By what an operator runs."""
    beside = [
        problem_of(path / name, lacks=partial(lacks, path / name))
        for name, lacks in (
            ("coordination.db", embedded.lacks),
            ("notifications.db", outbox_file.lacks),
        )
    ]
    try:
        report = check([path])
    except StorageError:
        return True
    if report.damaged or report.index or report.orphans or report.counters or any(beside):
        return True
    return bool(scrub([path]).damage)


def _flip(file: Path, _: Path) -> None:
    flip(file, file.stat().st_size // 2, 3)


def _flip_first(file: Path, _: Path) -> None:
    flip(file, min(9, file.stat().st_size - 1), 1)


def _flip_last(file: Path, _: Path) -> None:
    flip(file, file.stat().st_size - 1, 0)


def _cut(file: Path, _: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _zero_first(file: Path, _: Path) -> None:
    zero(file, 0)


def _zero_last(file: Path, _: Path) -> None:
    zero(file, (file.stat().st_size - 1) // 4096 * 4096)


def _remove(file: Path, _: Path) -> None:
    file.unlink()


def _swap(file: Path, other: Path) -> None:
    shutil.copyfile(other, file)


DAMAGES: list[Callable[[Path, Path], None]] = [
    _flip, _flip_first, _flip_last, _cut, _zero_first, _zero_last, _remove, _swap,
]  # fmt: skip


@pytest.fixture(scope="module", params=["killed", "backup"])
def folders(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The folder, and another one of the same kind."""
    root, clock = tmp_path_factory.mktemp("every"), FakeClock()
    first = fill(root / "one", clock, root / "one-killed")
    second = fill(root / "two", clock, root / "two-killed")
    if request.param == "killed":
        return first, second
    return whole_backup(first, root / "one-backups"), whole_backup(second, root / "two-backups")


def whole_backup(folder: Path, target: Path) -> Path:
    (done,) = backup_of(folder, target).folders
    return without_empty_folders(done)


def backup_of(folder: Path, target: Path) -> BackedUp:
    beside = {"coordination.db": embedded.lacks, "notifications.db": outbox_file.lacks}
    return back_up([folder], target, BackupOptions(beside=beside))


def _files(folder: Path) -> list[Path]:
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in found if (folder / path).stat().st_size)


def _counterpart(file: Path, here: Path, there: Path) -> Path:
    """The file of that name in the other folder; for a blob another one of its own folder."""
    if file.parts[0] != "blobs":
        return there / file
    blobs = [each for each in _files(here) if each.parts[0] == "blobs" and each != file]
    return here / min(blobs, key=lambda each: abs(_size(here / each) - _size(here / file)))


def _size(file: Path) -> int:
    return file.stat().st_size


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__.strip("_"))
def test_damage_is_found_or_harms_nothing(
    folders: tuple[Path, Path],
    tmp_path: Path,
    clock: FakeClock,
    damage: Callable[[Path, Path], None],
) -> None:
    whole, other = folders
    wanted = look(shutil.copytree(whole, tmp_path / "whole"), clock)
    silent = []
    for number, file in enumerate(_files(whole)):
        folder = shutil.copytree(whole, tmp_path / f"{number}")
        counterpart = _counterpart(file, whole, other)
        if damage is _swap and not counterpart.exists():
            continue
        damage(folder / file, counterpart)
        found = is_found(shutil.copytree(folder, tmp_path / f"{number}-checked"))
        try:
            is_same = look(folder, clock) == wanted
        except (StorageError, ObjectNotFound):
            is_same, found = False, True
        if not (found or is_same):
            silent.append(str(file))
        if found:
            _assert_rebuilt(tmp_path / f"{number}-checked", clock)
        for each in (folder, tmp_path / f"{number}-checked"):
            shutil.rmtree(each)
    assert silent == []


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__.strip("_"))
@pytest.mark.parametrize("folders", ["killed"], indirect=True)
def test_damage_is_named_by_a_backup_or_is_not_in_it(
    folders: tuple[Path, Path],
    tmp_path: Path,
    clock: FakeClock,
    damage: Callable[[Path, Path], None],
) -> None:
    whole, other = folders
    wanted = look(shutil.copytree(whole, tmp_path / "whole"), clock)
    silent = []
    for number, file in enumerate(_files(whole)):
        folder = shutil.copytree(whole, tmp_path / f"{number}")
        counterpart = _counterpart(file, whole, other)
        if damage is _swap and not counterpart.exists():
            continue
        damage(folder / file, counterpart)
        try:
            done = backup_of(folder, tmp_path / f"{number}-backups")
        except StorageError:
            continue
        assert done.damage or is_found(done.folders[0]) is False, file
        if not done.damage and look(done.folders[0], clock) != wanted:
            silent.append(str(file))
        shutil.rmtree(folder)
        shutil.rmtree(tmp_path / f"{number}-backups")
    assert silent == []


def _assert_rebuilt(folder: Path, clock: FakeClock) -> None:
    """After a rebuild the folder can be used, and has no wrong byte."""
    try:
        read_mountpaths([folder])
    except MountpathError:
        return
    rebuild([folder])
    users = folder / "coordination.db"
    if problem_of(users, lacks=partial(embedded.lacks, users)):
        rebuild_coordination(users, folder / "quarantine")
    embedded.prepare(folder / "coordination.db")
    with local_store([folder], clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        for name in bucket.names():
            try:
                assert bucket.read(name) == CONTENTS[name]
            except StorageError:
                assert check_names(folder, name)


def check_names(folder: Path, name: str) -> bool:
    """Whether a scrub, which may run beside the store, names the object."""
    return any(each.name == name for each in scrub([folder]).damage)
