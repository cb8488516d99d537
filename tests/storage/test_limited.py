"""A backend keeps the contract as far as its abilities go."""

from __future__ import annotations

import pytest

from storage.backend import Backend
from storage.capabilities import ALL_CAPABILITIES, NO_CAPABILITIES, Capability
from tests.storage.contract import BackendContract
from tests.storage.contract_capabilities import CapabilityContract
from tests.storage.fake_clock import FakeClock
from tests.storage.limited import LimitedBackend


class TestMinimal(BackendContract):
    """Objects and buckets, and no optional ability."""

    @pytest.fixture
    def backend(self, clock: FakeClock) -> Backend:
        return LimitedBackend(clock, NO_CAPABILITIES)


class TestWithoutOne(CapabilityContract):
    """Each ability is declared and refused independently of the others. To see that a claim of the
    contract has the marks that it needs, derive from `BackendContract` here for once: 30 s."""

    @pytest.fixture(params=list(Capability), ids=lambda lacking: lacking.name)
    def backend(self, request: pytest.FixtureRequest, clock: FakeClock) -> Backend:
        return LimitedBackend(clock, ALL_CAPABILITIES & ~request.param)
