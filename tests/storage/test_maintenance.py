"""The chores that give room back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.backends.local import LocalStore, Maintainer, StoreOptions
from storage.backends.local.maintenance import SPARE_PAGES
from storage.values import DeleteRequest
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import collect, local_store
from tests.storage.sync_bucket import SyncBucket

PAGE = 4096


@pytest.fixture
def backend(tmp_path: Path, clock: FakeClock) -> Iterator[LocalStore]:
    with local_store([tmp_path], clock, StoreOptions()) as store:
        yield store


def tended_size(folder: Path) -> int:
    """Bytes of the index when everything is done and checkpointed."""
    maintainer = Maintainer([folder])
    collect(maintainer)
    collect(maintainer)
    maintainer.close()
    return (folder / "index.db").stat().st_size


def test_an_index_gives_back_most_of_what_deletions_freed(
    bucket: SyncBucket, tmp_path: Path
) -> None:
    names = [str(number) for number in range(400)]
    for name in names:
        bucket.put(name, pattern(30_000))
    full = tended_size(tmp_path)
    run(bucket.backend.delete_objects("bucket", [DeleteRequest(name) for name in names[:-1]]))
    left = tended_size(tmp_path)
    assert left < full / 2
    assert bucket.read(names[-1]) == pattern(30_000)


def test_an_index_keeps_a_few_free_pages(bucket: SyncBucket, tmp_path: Path) -> None:
    names = [str(number) for number in range(SPARE_PAGES * PAGE // 2 // 30_000)]
    for name in names:
        bucket.put(name, pattern(30_000))
    full = tended_size(tmp_path)
    run(bucket.backend.delete_objects("bucket", [DeleteRequest(name) for name in names]))
    assert tended_size(tmp_path) == full
