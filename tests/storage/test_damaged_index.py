"""Damage to an index and to its log: found before anything is overwritten, and salvaged."""

from __future__ import annotations

import os
import random
from pathlib import Path

import apsw
import pytest

from storage.backends.local import StoreOptions, prepare
from storage.backends.local import index as store_index
from storage.backends.local.fsck import Rebuilt, check, rebuild
from storage.errors import Corrupt, ObjectNotFound
from storage.values import BucketOptions
from tests.storage.bodies import pattern
from tests.storage.damage import as_killed, flip, flipped, zero
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store
from tests.storage.sync_bucket import OWNER, SyncBucket

FRAME = 4120
SMALL = {f"small-{number:02}": pattern(300 + 90 * number, number) for number in range(24)}
LARGE = {f"large-{number}": pattern(100_000, number) for number in range(3)}
EVERYTHING = {**SMALL, **LARGE}


def filled(path: Path, clock: FakeClock, copy: Path) -> Path:
    """A data folder whose server was killed: one commit for each object, all in the log."""
    with local_store([path], clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "bucket")
        for name, content in EVERYTHING.items():
            bucket.put(name, content)
        return as_killed(path, copy)


@pytest.fixture
def killed(tmp_path: Path, clock: FakeClock) -> Path:
    return filled(tmp_path / "data", clock, tmp_path / "killed")


@pytest.fixture
def stopped(killed: Path) -> Path:
    """The same, its log written into the index."""
    prepare([killed]).close()
    assert log_of(killed).stat().st_size == 0
    return killed


def log_of(path: Path) -> Path:
    return path / "index.db-wal"


def index_of(path: Path) -> Path:
    return path / "index.db"


def contents(path: Path, clock: FakeClock) -> dict[str, bytes]:
    with local_store([path], clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        return {name: bucket.read(name) for name in bucket.names()}


def root_of(path: Path, table: str) -> int:
    connection = store_index.connect(index_of(path))
    sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
    root = connection.execute(sql, (table,)).get
    connection.close()
    assert isinstance(root, int)
    return root


def assert_named(rebuilt: Rebuilt, names: set[str]) -> None:
    for name in names:
        assert any(f"bucket/{name}: " in line for line in rebuilt.incomplete), (name, rebuilt)


def test_any_flipped_bit_of_the_log_is_found_before_it_is_overwritten(killed: Path) -> None:
    """The header, heads of frames, the last frame of all; and pages."""
    size = log_of(killed).stat().st_size
    before = log_of(killed).read_bytes()
    chosen = random.Random(12)
    heads = [32 + FRAME * chosen.randrange(size // FRAME) + chosen.randrange(24) for _ in range(30)]
    places = [0, 5, 9, 17, 22, 26, 31, *heads, size - 1, size - FRAME, size - FRAME + 3]
    places += [chosen.randrange(size) for _ in range(40)]
    for place in places:
        with flipped(log_of(killed), place, chosen.randrange(8)):
            with pytest.raises(Corrupt, match=r"index\.db-wal is damaged at its frame"):
                prepare([killed])
    assert log_of(killed).read_bytes() == before


def test_a_damaged_log_is_reported_and_all_of_it_salvaged(killed: Path, clock: FakeClock) -> None:
    flip(log_of(killed), 32 + 20 * FRAME + 700, 2)
    (finding,) = check([killed]).index
    assert "committed transactions" in finding.problem
    rebuilt = rebuild([killed])
    assert not rebuilt.incomplete
    assert not rebuilt.unreadable
    assert contents(killed, clock) == EVERYTHING
    assert check([killed]).clean


@pytest.mark.parametrize("bit", range(8))
def test_no_flip_in_the_log_makes_a_rebuild_invent_bytes(
    killed: Path, clock: FakeClock, bit: int
) -> None:
    """The top bits of a word may be anywhere in their page: what was there is proved, or named."""
    flip(log_of(killed), 32 + 30 * FRAME + 24 + 403 + 400 * bit, 7 - bit)
    rebuilt = rebuild([killed])
    found = contents(killed, clock)
    assert found.items() <= EVERYTHING.items()
    assert_named(rebuilt, EVERYTHING.keys() - found.keys())


def test_a_cut_or_zeroed_middle_of_the_log_is_found(killed: Path, clock: FakeClock) -> None:
    zero(log_of(killed), 4096 * 12)
    with pytest.raises(Corrupt):
        prepare([killed])
    rebuild([killed])
    found = contents(killed, clock)
    assert found.items() <= EVERYTHING.items()
    assert found.keys() >= LARGE.keys()


def test_the_last_transaction_may_be_torn_by_a_loss_of_power(
    killed: Path, clock: FakeClock
) -> None:
    """Its writes were not synced, so none was acknowledged: some blocks never came to be."""
    (killed / "index.db-noted").unlink()
    size = log_of(killed).stat().st_size
    os.truncate(log_of(killed), size - 100)
    assert contents(killed, clock).keys() == EVERYTHING.keys() - {"large-2"}


def test_a_block_that_was_never_written_is_no_damage(killed: Path, clock: FakeClock) -> None:
    (killed / "index.db-noted").unlink()
    frames = (log_of(killed).stat().st_size - 32) // FRAME
    first = _frames_of_the_last(killed, frames)
    zero(log_of(killed), -(-(32 + first * FRAME) // 4096) * 4096)
    assert contents(killed, clock).keys() == EVERYTHING.keys() - {"large-2"}


@pytest.mark.parametrize("shorter", [1, 5])
def test_leftovers_of_a_commit_that_the_disk_refused_are_no_damage(
    killed: Path, tmp_path: Path, clock: FakeClock, shorter: int
) -> None:
    """All frames of the refused commit were written, and its sync failed; then another was
    committed over their beginning, and its server was killed."""
    log = log_of(killed)
    kept = log.read_bytes()
    refused = _with_commit(as_killed(killed, tmp_path / "refused"), "refused", 40)
    _with_commit(killed, "committed", shorter)
    committed = log.read_bytes()
    assert kept == committed[: len(kept)] == refused[: len(kept)]
    assert len(committed) < len(refused)
    log.write_bytes(committed + refused[len(committed) :])
    assert contents(killed, clock) == EVERYTHING
    assert _marks(killed) == ["committed"] * shorter
    assert check([killed]).clean


def test_a_ruined_frame_of_an_acknowledged_commit_is_no_leftover(
    killed: Path, clock: FakeClock
) -> None:
    """It looks the same, but what is behind it was counted."""
    log = log_of(killed)
    frames = (log.stat().st_size - 32) // FRAME
    first = _frames_of_the_last(killed, frames)
    with open(log, "r+b") as file:
        file.seek(32 + first * FRAME + 24)
        file.write(os.urandom(1000))
    before = log.read_bytes()
    with pytest.raises(Corrupt, match="was acknowledged"):
        prepare([killed])
    assert log.read_bytes() == before
    assert check([killed]).index


def _with_commit(path: Path, text: str, rows: int) -> bytes:
    """One more commit, of that many pages at least; the log after it."""
    connection = store_index.connect(index_of(path), keep_log=True)
    with connection:
        connection.execute("CREATE TABLE IF NOT EXISTS marks(text TEXT, filler BLOB)")
        for _ in range(rows):
            connection.execute("INSERT INTO marks VALUES(?, zeroblob(4096))", (text,))
    connection.close()
    return log_of(path).read_bytes()


def _marks(path: Path) -> list[str]:
    connection = store_index.connect(index_of(path))
    found: list[str] = [text for (text,) in connection.execute("SELECT text FROM marks")]
    connection.close()
    return found


@pytest.mark.parametrize("how", ["cut", "block", "missing", "empty", "swapped"])
def test_a_log_that_lacks_what_was_acknowledged_is_found(
    killed: Path, tmp_path: Path, clock: FakeClock, how: str
) -> None:
    """SQLite finds nothing wrong with any of these."""
    log, size = log_of(killed), log_of(killed).stat().st_size
    if how == "cut":
        os.truncate(log, size - FRAME)
    elif how == "block":
        zero(log, (size - 4096) // 4096 * 4096, 8192)
    elif how == "empty":
        os.truncate(log, 0)
    elif how == "missing":
        log.unlink()
    else:
        other = filled(tmp_path / "other", clock, tmp_path / "other-killed")
        log.write_bytes(log_of(other).read_bytes())
    with pytest.raises(Corrupt):
        prepare([killed])
    assert check([killed]).index
    rebuilt = rebuild([killed])
    assert rebuilt.unreadable
    assert contents(killed, clock).items() <= EVERYTHING.items()
    assert contents(killed, clock).keys() >= LARGE.keys()
    assert check([killed]).clean


def test_the_index_of_another_folder_is_not_taken(
    stopped: Path, tmp_path: Path, clock: FakeClock
) -> None:
    other = tmp_path / "other"
    with local_store([other], clock, StoreOptions()) as store:
        run(store.create_bucket("other", BucketOptions(OWNER)))
        SyncBucket(store, "other").put("secret", b"of another store")
    index_of(stopped).write_bytes(index_of(other).read_bytes())
    with pytest.raises(Corrupt, match="another data folder"):
        prepare([stopped])
    assert check([stopped]).index
    assert any("another data folder" in line for line in rebuild([stopped]).unreadable)
    assert contents(stopped, clock) == LARGE


def _frames_of_the_last(path: Path, frames: int) -> int:
    """The number of the first frame of the last transaction."""
    raw = log_of(path).read_bytes()
    ends = [n for n in range(frames) if any(raw[32 + n * FRAME + 4 : 32 + n * FRAME + 8])]
    return ends[-2] + 1


def test_what_a_killed_writer_left_is_no_damage(tmp_path: Path, clock: FakeClock) -> None:
    """Frames of a transaction that never ended, and was overwritten by a shorter one."""
    path = filled(tmp_path / "data", clock, tmp_path / "killed")
    writer = store_index.connect(index_of(path))
    writer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    writer.pragma("cache_size", 2)
    writer.execute("BEGIN IMMEDIATE")
    for number in range(40):
        writer.execute("INSERT INTO garbage(blobs) VALUES(?)", (pattern(3000, number),))
    left = log_of(path).read_bytes()
    writer.execute("ROLLBACK")
    writer.execute("INSERT INTO counters VALUES('left', 1)")
    short = as_killed(path, tmp_path / "short")
    ended = log_of(short).read_bytes()
    writer.close()
    assert len(left) >= len(ended)
    end = len(ended.rstrip(b"\0"))
    log_of(short).write_bytes(ended[:end] + left[end:])
    flip(log_of(short), len(left) - FRAME * 3 + 99)
    assert contents(short, clock) == EVERYTHING


def test_any_flipped_bit_of_page_1_is_found_and_costs_nothing(
    stopped: Path, clock: FakeClock
) -> None:
    chosen = random.Random(3)
    places = [
        0,
        16,
        18,
        20,
        21,
        28,
        52,
        56,
        100,
        103,
        4090,
        *(chosen.randrange(4096) for _ in "x" * 9),
    ]
    for place in places:
        with flipped(index_of(stopped), place, chosen.randrange(8)):
            with pytest.raises(Corrupt, match=r"page 1 of .*index\.db is damaged"):
                prepare([stopped])
    flip(index_of(stopped), places[-1], 7)
    flip(index_of(stopped), places[3], 0)
    rebuilt = rebuild([stopped])
    assert not rebuilt.incomplete
    assert contents(stopped, clock) == EVERYTHING
    assert check([stopped]).clean


def test_nothing_is_overwritten_where_file_and_log_are_damaged(killed: Path) -> None:
    flip(index_of(killed), 100)
    flip(log_of(killed), 32 + 9 * FRAME + 5, 1)
    before = log_of(killed).read_bytes()
    with pytest.raises(Corrupt):
        prepare([killed])
    check([killed])
    assert log_of(killed).read_bytes() == before


def test_without_page_1_the_kept_shape_brings_everything_back(
    stopped: Path, clock: FakeClock
) -> None:
    zero(index_of(stopped), 0)
    with pytest.raises(Corrupt):
        prepare([stopped])
    assert not rebuild([stopped]).incomplete
    assert contents(stopped, clock) == EVERYTHING


def test_a_root_that_is_lost_costs_only_what_was_on_it(tmp_path: Path, clock: FakeClock) -> None:
    """The pages below it are found without it."""
    names = [f"name-{number:03}" for number in range(150)]
    with local_store([tmp_path], clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        SyncBucket(store, "bucket").put_all(*names)
    zero(index_of(tmp_path), (root_of(tmp_path, "objects") - 1) * 4096)
    rebuilt = rebuild([tmp_path])
    assert any("table objects is lost" in line for line in rebuilt.unreadable)
    assert len(contents(tmp_path, clock)) >= len(names) - 8


def test_objects_that_lost_their_names_are_counted(stopped: Path, clock: FakeClock) -> None:
    zero(index_of(stopped), (root_of(stopped, "objects") - 1) * 4096)
    rebuilt = rebuild([stopped])
    assert any(
        "the bytes of 24 objects have lost their names" in line for line in rebuilt.unreadable
    )
    assert contents(stopped, clock) == LARGE


def test_objects_whose_bytes_are_lost_are_named(stopped: Path, clock: FakeClock) -> None:
    connection = store_index.connect(index_of(stopped))
    sql = "SELECT pageno FROM dbstat WHERE name = 'payloads' AND pagetype = 'leaf'"
    pages = [int(str(page)) for (page,) in connection.execute(sql)]
    connection.close()
    zero(index_of(stopped), (pages[1] - 1) * 4096)
    rebuilt = rebuild([stopped])
    found = contents(stopped, clock)
    lost = EVERYTHING.keys() - found.keys()
    assert lost
    assert found.items() <= EVERYTHING.items()
    assert_named(rebuilt, lost)


def test_a_bucket_that_lost_its_row_is_known_by_its_blobs(stopped: Path, clock: FakeClock) -> None:
    zero(index_of(stopped), (root_of(stopped, "buckets") - 1) * 4096)
    rebuilt = rebuild([stopped])
    assert "bucket: the settings of the bucket are lost" in rebuilt.incomplete
    assert contents(stopped, clock) == EVERYTHING


def test_a_zeroed_end_of_inline_bytes_is_never_handed_out(tmp_path: Path, clock: FakeClock) -> None:
    """The last page of a chain: all zeros, it looks like a page that ends the chain."""
    with local_store([tmp_path], clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        SyncBucket(store, "bucket").put("long", pattern(4096, 1))
    connection = store_index.connect(index_of(tmp_path))
    sql = "SELECT pageno FROM dbstat WHERE name = 'payloads' AND pagetype = 'overflow'"
    page = connection.execute(sql).get
    connection.close()
    assert isinstance(page, int)
    zero(index_of(tmp_path), (page - 1) * 4096)
    with local_store([tmp_path], clock, StoreOptions()) as store:
        with pytest.raises(Corrupt):
            SyncBucket(store, "bucket").read("long")
    assert_named(rebuild([tmp_path]), {"long"})
    with local_store([tmp_path], clock, StoreOptions()) as store:
        with pytest.raises(ObjectNotFound):
            SyncBucket(store, "bucket").read("long")
