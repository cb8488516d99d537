"""The model keeps the contract."""

from __future__ import annotations

import pytest

from storage.backend import Backend
from storage.backends.memory import STREAM_BLOCK_BYTES, MemoryBackend
from tests.storage.bodies import blocks_of, pattern
from tests.storage.contract import BackendContract
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.sync_bucket import SyncBucket


class TestMemory(BackendContract):
    @pytest.fixture
    def backend(self, clock: FakeClock) -> Backend:
        return MemoryBackend(clock)

    @pytest.mark.parametrize(
        ("size", "lengths"),
        [
            (STREAM_BLOCK_BYTES, [STREAM_BLOCK_BYTES]),
            (STREAM_BLOCK_BYTES + 1, [STREAM_BLOCK_BYTES, 1]),
        ],
    )
    def test_a_large_object_comes_in_several_blocks(
        self, bucket: SyncBucket, size: int, lengths: list[int]
    ) -> None:
        bucket.put("a", pattern(size))

        async def read() -> list[bytes]:
            return await blocks_of(await bucket.backend.get_object("bucket", "a"))

        assert [len(block) for block in run(read())] == lengths
