"""Clients write at once from several threads; the server is killed once so many writes were
acknowledged, started on the same folder, and asked for all of it.

Each client has keys of its own and remembers of each what was acknowledged last and what was in
flight when the server died. What chance decides comes from a seed.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ConnectionError, HTTPClientError

from tests.faults.data_folder import assert_whole, work_files
from tests.faults.objects import (
    BUCKET,
    Facts,
    content,
    joined,
    put,
    put_in_parts,
    read_back,
    whole,
)
from tests.server_process import ServerProcess

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CLIENTS = 6
KEYS = 5
ROUNDS = 3
PART = 5 << 20
SIZES = (0, 1, 900, 32 << 10, (32 << 10) + 1, 200_000, 524_288, 1_300_000)


@dataclass
class Progress:
    """Counts acknowledgements, and says when there were enough to kill the server."""

    enough: int
    reached: threading.Event = field(default_factory=threading.Event)
    count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def acknowledge(self) -> None:
        with self._lock:
            self.count += 1
        if self.count >= self.enough:
            self.reached.set()


@dataclass
class Memory:
    """What a client knows of its keys: None is an object that is not there."""

    number: int
    acknowledged: dict[str, Facts | None] = field(default_factory=dict)
    in_flight: dict[str, Facts | None] = field(default_factory=dict)
    writes: int = 0

    def next_body(self, chance: random.Random, size: int) -> Facts:
        self.writes += 1
        return whole(f"{self.number}-{self.writes}", content(chance.randrange(1 << 30), size))


def test_what_was_acknowledged_under_load_survives_kill_9_again_and_again(tmp_path: Path) -> None:
    memories = [Memory(number) for number in range(CLIENTS)]
    chance = random.Random(20)
    with ServerProcess(tmp_path, workers=2) as server:
        server.client().create_bucket(Bucket=BUCKET)
        for number in range(ROUNDS):
            _load_until_killed(server, memories, Progress(chance.randrange(60, 140)), number)
            server.start()
            assert work_files(server.data[0]) == []
            _assert_remembered(server, memories)
        assert_whole(server)


def _load_until_killed(
    server: ServerProcess, memories: list[Memory], progress: Progress, number: int
) -> None:
    with ThreadPoolExecutor(CLIENTS) as threads:
        running = [
            threads.submit(_write_on, server.client(), memory, progress, number)
            for memory in memories
        ]
        assert progress.reached.wait(60), f"{progress.count} writes only"
        server.kill9_all()
        for each in running:
            each.result()
    assert any(memory.in_flight for memory in memories), "nothing was interrupted"


def _write_on(client: S3Client, memory: Memory, progress: Progress, number: int) -> None:
    """Until the server is gone. Anything but a lost connection is an error of the test."""
    chance = random.Random(1000 * number + memory.number)
    while True:
        key = f"{memory.number}/{chance.randrange(KEYS)}"
        facts, write = _next_write(client, key, memory, chance)
        memory.in_flight[key] = facts
        try:
            write()
        except (HTTPClientError, ConnectionError):
            return
        memory.acknowledged[key] = memory.in_flight.pop(key)
        progress.acknowledge()


def _next_write(
    client: S3Client, key: str, memory: Memory, chance: random.Random
) -> tuple[Facts | None, Callable[[], object]]:
    """What the key will be, and how to make it so."""
    kind = chance.random()
    if kind < 0.2:
        return None, lambda: client.delete_object(Bucket=BUCKET, Key=key)
    facts = memory.next_body(chance, chance.choice(SIZES))
    if kind < 0.9:
        return facts, lambda: put(client, key, facts)
    parts = [content(chance.randrange(1 << 30), PART), facts.content]
    return joined(facts.mark, *parts), lambda: put_in_parts(client, key, facts.mark, *parts)


def _assert_remembered(server: ServerProcess, memories: list[Memory]) -> None:
    client = server.client()
    for memory in memories:
        for key in sorted(memory.acknowledged.keys() | memory.in_flight.keys()):
            seen = read_back(client, key)
            allowed = [memory.acknowledged.get(key)]
            if key in memory.in_flight:
                allowed.append(memory.in_flight[key])
            assert seen in allowed, f"{key} is {seen} and not of {allowed}"
            memory.acknowledged[key] = seen
        memory.in_flight.clear()
    _assert_listed(client, memories)


def _assert_listed(client: S3Client, memories: list[Memory]) -> None:
    listed = {
        entry["Key"]: (entry["Size"], entry["ETag"].strip('"'))
        for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    }
    assert listed == {
        key: (len(facts.content), facts.etag)
        for memory in memories
        for key, facts in memory.acknowledged.items()
        if facts is not None
    }
