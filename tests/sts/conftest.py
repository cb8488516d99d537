"""One scene for all tests that need no settings of their own: names never meet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sts.scene import Scene, opened


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with opened(tmp_path_factory.mktemp("sts")) as scene:
        yield scene


@pytest.fixture
def scene(shared: Scene) -> Scene:
    """With the clock at the real time."""
    shared.clock.shift_s = 0
    return shared
