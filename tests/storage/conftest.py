"""What every test of a backend is given; each class brings its own `backend`."""

from __future__ import annotations

import pytest

from storage.backend import Backend
from storage.values import BucketOptions
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.sync_bucket import OWNER, SyncBucket, Tidy

for _part in (
    "buckets",
    "chunks",
    "completion",
    "listing",
    "objects",
    "reading",
    "renaming",
    "uploads",
    "version_listing",
    "versions",
):
    pytest.register_assert_rewrite(f"tests.storage.contract_{_part}")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tidy() -> Tidy:
    """What runs beside a backend and takes away what nobody needs; a backend may bring its own."""
    return lambda: None


@pytest.fixture
def bucket(backend: Backend) -> SyncBucket:
    run(backend.create_bucket("bucket", BucketOptions(OWNER)))
    return SyncBucket(backend, "bucket")
