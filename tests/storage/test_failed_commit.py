"""A COMMIT that fails half-way: a power cut may yet bring it back, so its blobs stay."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest

from storage.backends.local import StoreOptions
from storage.backends.local.transaction import SqliteTransaction
from storage.values import BucketOptions
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import blobs_in, local_store
from tests.storage.sync_bucket import OWNER, SyncBucket

LARGE = pattern(600_000)


def test_the_blobs_of_a_commit_that_failed_stay_until_recovery(
    tmp_path: Path, clock: FakeClock
) -> None:
    """SQLite refuses the COMMIT when a hook says so; it does not say then what is on the disk."""
    failing = False

    async def hook(transaction: SqliteTransaction) -> None:
        transaction.connection.set_commit_hook(lambda: failing)

    with local_store([tmp_path], clock, StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "bucket")
        run(store.disks.first.committer.run(hook))
        failing = True
        with pytest.raises(apsw.Error):
            bucket.put("large", LARGE)
        assert len(blobs_in([tmp_path])) == 1
        failing = False
        bucket.put("other", LARGE)
        assert len(blobs_in([tmp_path])) == 2
    with local_store([tmp_path], clock, StoreOptions()) as store:
        bucket = SyncBucket(store, "bucket")
        assert bucket.names() == ["other"]
        assert bucket.read("other") == LARGE
        assert len(blobs_in([tmp_path])) == 1


def test_all_callers_of_a_commit_that_failed_learn_it(tmp_path: Path, clock: FakeClock) -> None:
    async def hook(transaction: SqliteTransaction) -> None:
        transaction.connection.set_commit_hook(lambda: True)

    with local_store([tmp_path], clock, StoreOptions()) as store:
        committer = store.disks.first.committer

        async def all_at_once() -> list[BaseException | None]:
            return await asyncio.gather(
                *(committer.run(hook) for _ in range(10)), return_exceptions=True
            )

        errors = run(all_at_once())
        assert all(isinstance(error, apsw.Error) for error in errors)
