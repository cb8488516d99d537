"""The local store keeps the contract: one mountpath or several, objects inline or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.backend import Backend
from storage.backends.local import LocalStore, Maintainer, StoreOptions
from tests.storage.contract import BackendContract
from tests.storage.contract_chunks import ChunksContract
from tests.storage.contract_completion import CompletionContract
from tests.storage.contract_reading import ReadingContract
from tests.storage.contract_reading_many import ReadingManyContract
from tests.storage.encrypting import Encrypting
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import collect, empty_again, local_store, mountpaths_in
from tests.storage.sync_bucket import Tidy


def folders_of(store: Any) -> list[Path]:
    return [disk.mountpath.path for disk in store.disks]


@pytest.fixture(scope="module")
def used_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With what earlier tests left."""
    return tmp_path_factory.mktemp("stores")


@pytest.fixture
def folder(used_folder: Path) -> Iterator[Path]:
    """For the data folders of one test."""
    yield used_folder
    empty_again(used_folder)


class TestLocal(BackendContract):
    @pytest.fixture(
        params=[
            pytest.param((1, StoreOptions()), id="one-mountpath"),
            pytest.param((3, StoreOptions()), id="three-mountpaths"),
            pytest.param((1, StoreOptions(inline_limit=0)), id="nothing-inline"),
        ]
    )
    def backend(
        self, request: pytest.FixtureRequest, folder: Path, clock: FakeClock
    ) -> Iterator[Backend]:
        count, options = request.param
        with local_store(mountpaths_in(folder, count), clock, options) as store:
            yield store

    @pytest.fixture
    def other(self, backend: LocalStore) -> str:
        """On another mountpath than `a`, if there are several."""
        names = (f"other-{number}" for number in range(100))
        home = backend.disks.locate("bucket", "a")[0]
        elsewhere = (name for name in names if backend.disks.locate("bucket", name)[0] is not home)
        return next(elsewhere, "other")

    @pytest.fixture
    def tidy(self, backend: LocalStore, clock: FakeClock) -> Iterator[Tidy]:
        """The garbage collector. It is given the folders that `backend` has prepared."""
        maintainer = Maintainer(folders_of(backend), clock=clock)
        yield lambda: collect(maintainer)
        maintainer.close()


class TestEncrypted(ReadingContract, ReadingManyContract, CompletionContract, ChunksContract):
    """What is encrypted behaves as what is not."""

    @pytest.fixture(params=[StoreOptions(), StoreOptions(inline_limit=0)], ids=["inline", "blobs"])
    def backend(
        self, request: pytest.FixtureRequest, folder: Path, clock: FakeClock
    ) -> Iterator[Any]:
        with local_store(mountpaths_in(folder, 1), clock, request.param) as store:
            yield Encrypting(store)

    @pytest.fixture
    def tidy(self, backend: Backend, clock: FakeClock) -> Iterator[Tidy]:
        maintainer = Maintainer(folders_of(backend), clock=clock)
        yield lambda: collect(maintainer)
        maintainer.close()
