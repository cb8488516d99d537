"""The local store keeps the contract: one mountpath or several, objects inline or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.backend import Backend
from storage.backends.local import Housekeeper, StoreOptions
from storage.errors import NotSupported
from storage.values import BucketOptions
from tests.storage.contract import BackendContract
from tests.storage.encrypting import Encrypting
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import collect, local_store, mountpaths_in
from tests.storage.sync_bucket import OWNER, SyncBucket, Tidy


class TestLocal(BackendContract):
    @pytest.fixture(
        params=[
            pytest.param((1, StoreOptions()), id="one-mountpath"),
            pytest.param((3, StoreOptions()), id="three-mountpaths"),
            pytest.param((1, StoreOptions(inline_limit=0)), id="nothing-inline"),
        ]
    )
    def backend(
        self, request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
    ) -> Iterator[Backend]:
        count, options = request.param
        with local_store(mountpaths_in(tmp_path, count), clock, options) as store:
            yield store

    def test_names_on_two_mountpaths_cannot_be_renamed_to_one_another(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        with local_store(mountpaths_in(tmp_path, 2), clock, StoreOptions()) as store:
            run(store.create_bucket("bucket", BucketOptions(OWNER)))
            bucket = SyncBucket(store, "bucket")
            bucket.put("a", b"x")
            refused = set()
            for name in (f"name-{number}" for number in range(20)):
                try:
                    bucket.rename("a", name)
                except NotSupported:
                    refused.add(name)
                else:
                    bucket.rename(name, "a")
            assert 0 < len(refused) < 20
            assert bucket.names() == ["a"]
            assert bucket.read("a") == b"x"

    @pytest.fixture
    def tidy(self, backend: Backend, tmp_path: Path, clock: FakeClock) -> Iterator[Tidy]:
        """The garbage collector. It is given the folders that `backend` has prepared."""
        keeper = Housekeeper(sorted(tmp_path.iterdir()), clock=clock)
        yield lambda: collect(keeper)
        keeper.close()


class TestEncrypted(BackendContract):
    """What is encrypted behaves as what is not."""

    @pytest.fixture(params=[StoreOptions(), StoreOptions(inline_limit=0)], ids=["inline", "blobs"])
    def backend(
        self, request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
    ) -> Iterator[Any]:
        with local_store(mountpaths_in(tmp_path, 1), clock, request.param) as store:
            yield Encrypting(store)

    @pytest.fixture
    def tidy(self, backend: Backend, tmp_path: Path, clock: FakeClock) -> Iterator[Tidy]:
        keeper = Housekeeper(sorted(tmp_path.iterdir()), clock=clock)
        yield lambda: collect(keeper)
        keeper.close()
