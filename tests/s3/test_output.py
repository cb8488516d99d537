"""Answers that stream: as many at once as there is memory for, and the others wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from s3gw.http import output
from s3gw.http.memory_room import Room
from tests.archives.made import tar
from tests.s3.conftest import backend_of
from tests.s3.gateway import Gateway, code_of

LARGE = bytes(3 << 20)


@pytest.fixture(params=["memory", "local"])
def gateway(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    room = Room(output.STREAM_BYTES, patience_s=0.0, shares=1)
    monkeypatch.setattr(output, "STREAMS", room)
    with backend_of(request.param, tmp_path) as store:
        gateway = Gateway(store)
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


def test_members_of_archives_wait_too(gateway: tuple[Gateway, Room]) -> None:
    """Once for all that they read of their archive."""
    door, room = gateway
    bucket = door.new_bucket()
    door.client().put_object(Bucket=bucket, Key="all.tar", Body=tar([("large", LARGE)]))
    target = f"/{bucket}/all.tar?archpath=large"
    assert door.send("GET", target).body == LARGE
    assert room.taken == 0
    holding = door.server.run(room.enter("somebody", output.STREAM_BYTES))
    assert code_of(door.send("GET", target)) == (503, "SlowDown")
    holding.close()
    assert door.send("GET", target).body == LARGE
