"""Clients that do not read, connections beyond what the system allows, and who is let go."""

from __future__ import annotations

import asyncio
import resource
import socket
from pathlib import Path
from typing import Any

import pytest

from s3gw.config.limits import Limits
from s3gw.http.memory_room import Room
from s3gw.server import slow_readers
from s3gw.server.descriptors import EACH, RESERVED, connections_within, raise_limit, warning
from s3gw.server.slow_readers import SlowReaders
from tests.server_process import ServerProcess, eventually


class Transport:
    """Remembers that it was aborted."""

    def __init__(self) -> None:
        self.aborted = asyncio.Event()

    def abort(self) -> None:
        self.aborted.set()


def test_who_reads_nothing_is_let_go() -> None:
    async def work() -> None:
        readers, transport = SlowReaders(stall_s=0.01), Transport()
        readers.pause(transport)  # type: ignore[arg-type]
        await asyncio.wait_for(transport.aborted.wait(), 60)

    asyncio.run(work())


def test_who_reads_again_stays() -> None:
    async def work() -> bool:
        readers, slow, quick = SlowReaders(stall_s=0.01), Transport(), Transport()
        readers.pause(quick)  # type: ignore[arg-type]
        readers.resume(quick)  # type: ignore[arg-type]
        readers.pause(slow)  # type: ignore[arg-type]
        await asyncio.wait_for(slow.aborted.wait(), 60)
        return quick.aborted.is_set()

    assert not asyncio.run(work())


def test_when_many_are_slow_some_are_let_go_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_readers, "CROWDED_S", 0.01)

    async def work() -> int:
        readers = SlowReaders(stall_s=3600, most=2)
        transports = [Transport() for _ in range(5)]
        for each in transports:
            readers.pause(each)  # type: ignore[arg-type]
        for each in transports[:3]:
            await asyncio.wait_for(each.aborted.wait(), 60)
        return sum(each.aborted.is_set() for each in transports)

    assert asyncio.run(work()) == 3


def test_who_was_slow_before_it_became_crowded_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is looked at again and again, and not only once."""
    monkeypatch.setattr(slow_readers, "CROWDED_S", 0.01)
    room = Room(1, patience_s=60.0, shares=1)
    monkeypatch.setattr(slow_readers, "STREAMS", room)

    async def work() -> None:
        readers, transport = SlowReaders(stall_s=3600), Transport()
        looked = asyncio.Event()
        look = readers._look

        def looking(*args: Any) -> None:
            look(*args)
            looked.set()

        monkeypatch.setattr(readers, "_look", looking)
        readers.pause(transport)  # type: ignore[arg-type]
        await asyncio.wait_for(looked.wait(), 60)
        assert not transport.aborted.is_set()
        holding = await room.enter("slow", 1)
        waiting = asyncio.create_task(room.enter("another", 1))
        await asyncio.wait_for(transport.aborted.wait(), 60)
        holding.close()
        (await waiting).close()

    asyncio.run(work())


@pytest.mark.parametrize("http_server", ["hypercorn", "uvicorn"])
def test_a_connection_that_is_not_read_ends(tmp_path: Path, http_server: str) -> None:
    flags, environment = ["--http-server", http_server], {"S3GW_LIMITS_BODY_STALL_S": "0.2"}
    with ServerProcess(tmp_path, flags=flags, environment=environment) as server:
        client: Any = server.client()
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="large", Body=bytes(64 << 20))
        wanted = {"Bucket": "bucket", "Key": "large"}
        target = "/" + client.generate_presigned_url("get_object", Params=wanted).split("/", 3)[3]
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            head = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n"
            connection.sendall(head.encode())
            # Nothing is read, and the request ends all the same.
            eventually(lambda: "GetObject" in server.output, "the connection is let go")


def test_the_limit_of_open_files_is_raised() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert raise_limit() == hard


@pytest.mark.parametrize(
    ("wanted", "descriptors", "fitting"),
    [
        (8192, 1_000_000, 8192),
        (8192, 1024, (1024 - RESERVED) // EACH),
        (8192, 10, 1),
        (8192, resource.RLIM_INFINITY, 8192),
        (10, 1024, 10),
    ],
)
def test_connections_fit_into_what_the_system_allows(
    wanted: int, descriptors: int, fitting: int
) -> None:
    assert connections_within(wanted, descriptors) == fitting
    said = warning(Limits(connections=wanted), descriptors)
    assert bool(said) == (fitting < wanted)
    assert not said or f"{fitting} connections" in said


def test_more_connections_than_open_files_do_not_disturb_others(tmp_path: Path) -> None:
    """With half of what its descriptors are enough for, and more than that, idle."""
    with ServerProcess(tmp_path, open_files=1024) as server:
        client: Any = server.client()
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="key", Body=bytes(200_000))
        idle = []
        try:
            for _ in range(600):
                idle.append(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            for _ in range(20):
                assert len(client.get_object(Bucket="bucket", Key="key")["Body"].read()) == 200_000
        finally:
            for each in idle:
                each.close()
        assert "1024 open files" in server.errors
