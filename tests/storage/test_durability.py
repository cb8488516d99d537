"""Who waits for the disk, and who does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storage.backends.local import Durability, StoreOptions
from storage.values import BucketOptions
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store
from tests.storage.sync_bucket import OWNER, SyncBucket

LARGE = pattern(600_000)


@pytest.mark.parametrize(
    ("durability", "waits"), [(Durability.SYNC, True), (Durability.ASYNC, False)]
)
def test_an_upload_waits_for_the_disk_unless_told_not_to(
    tmp_path: Path,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    durability: Durability,
    waits: bool,
) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def counted(fd: int) -> None:
        synced.append(fd)
        fsync(fd)

    with local_store([tmp_path], clock, StoreOptions(durability=durability)) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "bucket")
        monkeypatch.setattr(os, "fsync", counted)
        bucket.put("large", LARGE)
        assert bool(synced) is waits
        assert bucket.read("large") == LARGE
