"""The engine in memory: the contract."""

from __future__ import annotations

import pytest

from cluster.coordination.memory import MemoryCoordination
from tests.cluster.coordination_contract import KEPT, CoordinationContract


@pytest.fixture
def engine() -> MemoryCoordination:
    return MemoryCoordination(kept_revisions=KEPT)


@pytest.fixture
def another(engine: MemoryCoordination) -> MemoryCoordination:
    return engine


class TestMemory(CoordinationContract):
    pass
