"""fsck, rebuild and scrub know all versions, not only what is current."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.backends.local import StoreOptions
from storage.backends.local.fsck import check, rebuild
from storage.backends.local.scrub import scrub
from storage.errors import DeleteMarkerFound
from storage.values import NULL_VERSION, BucketOptions, Versioning
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store
from tests.storage.sync_bucket import OWNER, SyncBucket
from tests.storage.test_fsck import execute

SIZE = 100_000
ENABLED = Versioning.ENABLED

Told = list[tuple[str, str, bool, bool, bytes]]


@pytest.fixture
def told(tmp_path: Path, clock: FakeClock) -> Told:
    """A closed store with versions of every kind, and what it said of them."""
    with local_store([tmp_path], clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "bucket")
        bucket.put("blobs", pattern(SIZE))
        bucket.put("small", b"null")
        bucket.set_versioning(ENABLED)
        for seed in range(1, 4):
            clock.advance_s(1)
            bucket.put("blobs", pattern(SIZE, seed))
            bucket.put("small", b"%d" % seed)
            bucket.put_in_parts("parts", pattern(SIZE, seed), b"tail")
        bucket.put("deleted", pattern(SIZE, 9))
        bucket.remove("deleted")
        bucket.put("moved", pattern(SIZE, 10))
        bucket.rename("moved", "here")
        bucket.put("moved", b"again")
    return tell(tmp_path, clock)


def tell(path: Path, clock: FakeClock) -> Told:
    with local_store([path], clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        rows = []
        for entry in bucket.versions().versions:
            name, version, marker = entry.info.name, entry.info.version, entry.info.delete_marker
            content = b"" if marker else bucket.read_version(name, version)
            rows.append((name, version, entry.latest, marker, content))
        return rows


def test_a_sound_store_with_versions_is_clean(tmp_path: Path, told: Told) -> None:
    report = check([tmp_path])
    assert report.clean
    assert report.objects == len([row for row in told if not row[3]])
    assert report.blobs == 4 + 3 * 3 + 1 + 1


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("DELETE FROM objects WHERE name = x'736d616c6c'", "no version is current"),
        ("UPDATE versions SET version = 'x' WHERE version = 'null'", "version x is null"),
        (
            "INSERT INTO versions SELECT bucket, name, 9, 'y', row, NULL FROM objects LIMIT 1",
            "version y is",
        ),
        (
            "INSERT INTO objects SELECT bucket, name, row, NULL FROM versions "
            "WHERE name = x'64656c65746564' ORDER BY age LIMIT 1",
            "delete marker stands among",
        ),
        ("DELETE FROM renamed", "no note that it was renamed from moved"),
    ],
)
def test_versions_that_stand_wrongly_are_found(
    tmp_path: Path, told: Told, sql: str, problem: str
) -> None:
    execute(tmp_path, sql)
    assert any(problem in finding.problem for finding in check([tmp_path]).index)


def test_blobs_of_lost_versions_go_to_quarantine(tmp_path: Path, told: Told) -> None:
    execute(tmp_path, "DELETE FROM versions WHERE name = x'626c6f6273'")
    report = check([tmp_path], repair=True)
    assert [finding.name for finding in report.orphans] == ["blobs"] * 3
    assert report.counters
    assert check([tmp_path]).clean
    assert len(list((tmp_path / "quarantine").iterdir())) == 3


def test_a_missing_blob_of_an_older_version_is_damage(tmp_path: Path, told: Told) -> None:
    for blob in (file for file in (tmp_path / "blobs").rglob("*") if file.is_file()):
        blob.unlink()
    names = [finding.name for finding in check([tmp_path]).damaged]
    assert names.count("blobs") == 4
    assert names.count("deleted") == 1


def test_rebuilding_a_sound_index_keeps_every_version(
    tmp_path: Path, told: Told, clock: FakeClock
) -> None:
    rebuilt = rebuild([tmp_path])
    assert (rebuilt.from_labels, rebuilt.incomplete, rebuilt.unreadable) == (0, (), ())
    assert rebuilt.salvaged == len([row for row in told if not row[3]])
    assert tell(tmp_path, clock) == told
    assert check([tmp_path]).clean


def test_labels_bring_versions_back_in_their_order(
    tmp_path: Path, told: Told, clock: FakeClock
) -> None:
    """All but what lives in the index alone: small objects, delete markers and new names."""
    (tmp_path / "index.db").unlink()
    rebuild([tmp_path])
    now = tell(tmp_path, clock)
    for name in ("blobs", "parts"):
        assert [row for row in now if row[0] == name] == [row for row in told if row[0] == name]
    assert {row[0] for row in now} == {"blobs", "parts", "deleted", "moved"}
    assert check([tmp_path]).clean
    with local_store([tmp_path], clock, StoreOptions()) as store:
        assert run(store.head_bucket("bucket")).versioning is ENABLED
        assert SyncBucket(store, "bucket").read("moved") == pattern(SIZE, 10)


def test_labels_go_between_the_versions_that_are_left(
    tmp_path: Path, told: Told, clock: FakeClock
) -> None:
    versions = [row[1] for row in told if row[0] == "blobs"]
    ids = f"('{versions[1]}', '{versions[3]}')"
    execute(tmp_path, f"DELETE FROM versions WHERE name = x'626c6f6273' AND version IN {ids}")
    execute(tmp_path, "DELETE FROM objects WHERE name = x'7061727473'")
    assert rebuild([tmp_path]).from_labels == 3
    assert tell(tmp_path, clock) == told
    assert check([tmp_path]).clean


def test_what_was_before_a_lost_current_version_is_current(
    tmp_path: Path, told: Told, clock: FakeClock
) -> None:
    execute(tmp_path, "DELETE FROM objects WHERE name = x'736d616c6c'")
    rebuild([tmp_path])
    left = [row[-1] for row in tell(tmp_path, clock) if row[0] == "small"]
    assert left == [b"2", b"1", b"null"]
    assert check([tmp_path]).clean


def test_a_lost_delete_marker_brings_its_object_back(
    tmp_path: Path, told: Told, clock: FakeClock
) -> None:
    execute(tmp_path, "DELETE FROM versions WHERE name = x'64656c65746564'")
    rebuild([tmp_path])
    assert [row[-1] for row in tell(tmp_path, clock) if row[0] == "deleted"] == [pattern(SIZE, 9)]


def test_of_null_versions_the_newest_comes_back(tmp_path: Path, clock: FakeClock) -> None:
    with local_store([tmp_path], clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "bucket")
        bucket.set_versioning(ENABLED)
        kept = bucket.put("a", pattern(SIZE, 0))
        bucket.set_versioning(Versioning.SUSPENDED)
        for seed in (1, 2, 3):
            clock.advance_s(1)
            bucket.put("a", pattern(SIZE, seed))
    (tmp_path / "index.db").unlink()
    rebuild([tmp_path])
    now = [(version, content) for _, version, _, _, content in tell(tmp_path, clock)]
    assert now == [(NULL_VERSION, pattern(SIZE, 3)), (kept.version, pattern(SIZE, 0))]
    report = check([tmp_path], repair=True)
    assert [finding.problem for finding in report.orphans] == ["replaced since"] * 2
    assert check([tmp_path]).clean


def test_a_renamed_object_stays_where_it_is_when_the_index_is_rebuilt(
    tmp_path: Path, told: Told, clock: FakeClock
) -> None:
    rebuild([tmp_path])
    rebuild([tmp_path])
    with local_store([tmp_path], clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        assert bucket.read("here") == pattern(SIZE, 10)
        assert bucket.read("moved") == b"again"
        bucket.rename("here", "there")
        bucket.rename("there", "moved")
        with pytest.raises(DeleteMarkerFound):
            bucket.read("here")
    assert check([tmp_path]).clean


def test_scrubbing_reads_older_versions_too(tmp_path: Path, told: Told) -> None:
    done = scrub([tmp_path])
    assert done.objects == len([row for row in told if not row[3]])
    assert done.damage == ()
    for blob in (file for file in (tmp_path / "blobs").rglob("*") if file.is_file()):
        with open(blob, "r+b") as file:
            file.write(b"?")
    damaged = [damage.name for damage in scrub([tmp_path]).damage]
    assert damaged.count("blobs") == 4
    assert damaged.count("here") == 1
