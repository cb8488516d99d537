"""Two processes' directories on one store, and the time for both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from s3gw.identity.directory import StoredDirectory
from tests.identity.places import START_S, new_store, opened
from tests.storage.fake_clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START_S)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return new_store(tmp_path)


@pytest.fixture
def directory(path: Path, clock: FakeClock) -> Iterator[StoredDirectory]:
    with opened(path, clock) as directory:
        yield directory


@pytest.fixture
def another(path: Path, clock: FakeClock) -> Iterator[StoredDirectory]:
    with opened(path, clock) as directory:
        yield directory
