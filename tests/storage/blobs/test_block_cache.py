"""Blocks that are remembered for the next part of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.backends.local import StoreOptions
from storage.blobs.blob import BLOCK, block_hash
from storage.blobs.block_cache import MOST, UNIT, BlockCache
from storage.clock import SystemClock
from storage.errors import Corrupt
from storage.ranges import Between
from storage.values import BucketOptions
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.local_stores import local_store, mountpaths_in
from tests.storage.sync_bucket import OWNER, SyncBucket

LARGE = pattern(MOST * BLOCK + 3 * BLOCK + 200)


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[SyncBucket]:
    paths = mountpaths_in(tmp_path, 1)
    paths[0].mkdir()
    with local_store(paths, SystemClock(), StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        yield SyncBucket(store, "bucket")


def part(number: int, at: int = 5) -> Between:
    return Between(number * BLOCK + at, number * BLOCK + at + 100)


def flip_block(tmp_path: Path, number: int) -> None:
    (blob,) = (file for file in tmp_path.rglob("blobs/*/*") if file.is_file())
    with blob.open("r+b") as file:
        file.seek(number * BLOCK + 50)
        changed = file.read(1)[0] ^ 1
        file.seek(number * BLOCK + 50)
        file.write(bytes([changed]))


def test_the_block_that_was_not_used_longest_is_forgotten() -> None:
    recent = BlockCache(2)
    recent.remember(("a", 0), b"a")
    recent.remember(("b", 0), b"b")
    assert recent.get(("a", 0)) == b"a"
    recent.remember(("c", 0), b"c")
    assert recent.get(("b", 0)) is None
    assert (recent.get(("a", 0)), recent.get(("c", 0))) == (b"a", b"c")


def test_hashes_of_more_blocks_are_remembered_than_blocks() -> None:
    recent = BlockCache(1, 2)
    for name in ("a", "b", "c"):
        recent.remember((name, 0), name.encode() * UNIT)
    assert [recent.get((name, 0)) for name in ("a", "b")] == [None, None]
    assert [recent.hashes((name, 0)) is None for name in ("a", "b", "c")] == [True, False, False]
    assert recent.hashes(("b", 0)) == block_hash(b"b" * UNIT)


@pytest.mark.parametrize("size", [BLOCK, 3 * UNIT, 40_000])
def test_parts_are_right_when_only_hashes_of_their_block_are_remembered(
    bucket: SyncBucket, size: int
) -> None:
    """Across units, at the ends of units, and in a last one that is short."""
    content = pattern(size)
    bucket.put("a", content)
    bucket.put("other", LARGE)
    bucket.read("a", Between(0, 1))
    for number in range(MOST):
        bucket.read("other", part(number))
    cuts = [0, 1, UNIT - 1, UNIT, UNIT + 1, 2 * UNIT + 5, size - 1, size]
    for start in cuts:
        for stop in cuts:
            if start < stop and (start, stop) != (0, size):
                assert bucket.read("a", Between(start, stop)) == content[start:stop]


def test_damage_is_found_by_the_hash_of_a_unit(bucket: SyncBucket, tmp_path: Path) -> None:
    bucket.put("a", LARGE)
    for number in range(MOST + 1):
        bucket.read("a", part(number))
    flip_block(tmp_path, 0)
    elsewhere = Between(UNIT, UNIT + 100)
    assert bucket.read("a", elsewhere) == LARGE[UNIT : UNIT + 100]
    with pytest.raises(Corrupt):
        bucket.read("a", part(0))


def test_parts_of_a_block_are_what_was_stored(bucket: SyncBucket) -> None:
    bucket.put("a", LARGE)
    last = len(LARGE) // BLOCK
    for number in (0, 1, 0, last, 1):
        for at in (0, 1, 77):
            wanted = part(number, at)
            assert bucket.read("a", wanted) == LARGE[wanted.start : wanted.stop]


def test_another_object_of_the_name_has_other_bytes(bucket: SyncBucket) -> None:
    bucket.put("a", LARGE)
    assert bucket.read("a", part(1)) == LARGE[part(1).start : part(1).stop]
    other = pattern(len(LARGE), seed=3)
    bucket.put("a", other)
    assert bucket.read("a", part(1)) == other[part(1).start : part(1).stop]


def test_a_remembered_block_is_right_whatever_became_of_the_disk(
    bucket: SyncBucket, tmp_path: Path
) -> None:
    bucket.put("a", LARGE)
    assert bucket.read("a", part(1)) == LARGE[part(1).start : part(1).stop]
    flip_block(tmp_path, 1)
    again = part(1, at=20)
    assert bucket.read("a", again) == LARGE[again.start : again.stop]
    for number in range(2, 2 + MOST):
        bucket.read("a", part(number))
    with pytest.raises(Corrupt):
        bucket.read("a", again)
