"""One scene for all tests that need no settings of their own: names never meet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.sts.scene import Scene, opened

# The machine that runs the tests may be busy, which says nothing about them.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with opened(tmp_path_factory.mktemp("sts")) as scene:
        yield scene


@pytest.fixture
def scene(shared: Scene) -> Scene:
    """With the clock at the real time."""
    shared.clock.shift_s = 0
    return shared
