"""What every test of a backend is given; each class brings its own `backend`."""

from __future__ import annotations

import pytest

from storage.backend import Backend
from storage.values import BucketOptions
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.sync_bucket import OWNER, SyncBucket, Tidy

for _part in (
    "bucket_renaming",
    "buckets",
    "capabilities",
    "chunks",
    "completion",
    "listing",
    "objects",
    "reading",
    "reading_many",
    "renaming",
    "uploads",
    "version_listing",
    "versions",
):
    pytest.register_assert_rewrite(f"tests.storage.contract_{_part}")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(capability): an optional ability of a backend")


@pytest.fixture(autouse=True)
def _only_what_is_declared(request: pytest.FixtureRequest) -> None:
    """Skip a claim about an ability that the backend does not declare."""
    for mark in request.node.iter_markers("needs"):
        (capability,) = mark.args
        if capability not in request.getfixturevalue("backend").capabilities:
            pytest.skip(f"the backend does not declare {capability}")


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
