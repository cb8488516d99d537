"""Answers that stream: as many at once as there is memory for, and the others wait."""

from __future__ import annotations

from typing import Any

import pytest

from s3gw.http import front_end, output
from s3gw.http.memory_room import Room
from storage.backends.memory import MemoryBackend
from tests.s3.gateway import Gateway, code_of

LARGE = bytes(3 << 20)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Any:
    room = Room(output.STREAM_BYTES, patience_s=0.0, shares=1)
    monkeypatch.setattr(front_end, "STREAMS", room)
    gateway = Gateway(MemoryBackend())
    yield gateway, room
    gateway.close()


def test_a_stream_gives_its_memory_back(gateway: tuple[Gateway, Room]) -> None:
    door, room = gateway
    bucket = door.new_bucket()
    door.client().put_object(Bucket=bucket, Key="large", Body=LARGE)
    for _ in range(3):
        assert door.send("GET", f"/{bucket}/large").body == LARGE
        assert room.taken == 0


def test_what_has_waited_too_long_is_told_to_come_back(gateway: tuple[Gateway, Room]) -> None:
    door, room = gateway
    bucket = door.new_bucket()
    door.client().put_object(Bucket=bucket, Key="large", Body=LARGE)
    door.client().put_object(Bucket=bucket, Key="small", Body=b"1")
    holding = door.server.run(room.enter("somebody", output.STREAM_BYTES))
    answer = door.send("GET", f"/{bucket}/large")
    assert code_of(answer) == (503, "SlowDown")
    assert answer.headers["retry-after"] == "1"
    assert door.send("GET", f"/{bucket}/small").body == b"1"
    holding.close()
    assert door.send("GET", f"/{bucket}/large").body == LARGE
