"""What the server's protocol takes for a request, beside h11; `make fuzz ARGS=http1` goes on."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.http1 import GOOD, check, oracle, stream_by
from tests.server.wire import taken

STREAMS = 250


@pytest.mark.parametrize("seed", range(8))
def test_no_request_is_taken_that_h11_does_not_take(seed: int) -> None:
    chance = random.Random(seed)
    found = 0
    for _ in range(STREAMS):
        stream = stream_by(chance)
        most = min(len(stream) - 1, chance.randint(0, 6))
        check(stream, chance.sample(range(1, len(stream)), most))
        found += len(taken([stream])[0])
    # Or else it would compare nothing.
    assert found > STREAMS / 2


@pytest.mark.parametrize("stream", GOOD)
def test_a_stream_may_be_cut_anywhere(stream: bytes) -> None:
    check(stream, list(range(1, len(stream))))
    for at in range(1, len(stream), 3):
        check(stream, [at])


def test_good_streams_are_taken_as_h11_takes_them() -> None:
    for stream in GOOD[:3]:
        assert taken([stream])[0] == oracle(stream)
