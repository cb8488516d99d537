"""The durable queue that one process fills and another empties."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage.errors import Corrupt
from storage.outbox import Outbox, Record
from storage.outbox_file import FileOutbox, prepare, rebuild
from tests.storage.contract_outbox import LIMIT, OutboxContract, bodies
from tests.storage.damage import flip
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepare(tmp_path / "outbox.db")
    return tmp_path / "outbox.db"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def outbox(path: Path, clock: FakeClock) -> Iterator[Outbox]:
    with closing(FileOutbox(path, limit_bytes=LIMIT, clock=clock)) as outbox:
        yield outbox


class TestFileOutbox(OutboxContract):
    pass


def test_what_was_appended_is_there_for_another_process(path: Path, outbox: Outbox) -> None:
    run(outbox.append([Record("a", b"1")]))
    prepare(path)
    with closing(FileOutbox(path, limit_bytes=LIMIT)) as other:
        assert bodies(other, "a") == [b"1"]
        run(other.append([Record("a", b"2")]))
    assert bodies(outbox, "a") == [b"1", b"2"]


def test_the_file_gives_its_room_back(path: Path, outbox: Outbox) -> None:
    with closing(FileOutbox(path, limit_bytes=1 << 20)) as large:
        run(large.append([Record("a", b"x" * 1000) for _ in range(1000)]))
        run(large.checkpoint())
        assert path.stat().st_size > 1_000_000
        run(large.drop([record.id for record in run(large.read("a", 1000))]))
        run(large.checkpoint())
        assert path.stat().st_size < 100_000


def test_damage_is_found_and_never_delivered(path: Path) -> None:
    with closing(FileOutbox(path, limit_bytes=1 << 20)) as outbox:
        run(outbox.append([Record("a", b"x" * 3000) for _ in range(20)]))
        run(outbox.checkpoint())
    damaged = bytearray(path.read_bytes())
    damaged[damaged.rindex(b"xxx")] ^= 1
    path.write_bytes(damaged)
    with closing(FileOutbox(path, limit_bytes=1 << 20)) as outbox, pytest.raises(Corrupt):
        run(outbox.read("a", 100))


def test_a_damaged_file_is_refused_and_rebuilt(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    (tmp_path / "quarantine").mkdir()
    prepare(path)
    records = [Record("queue", bytes([number]) * 500) for number in range(40)]
    with closing(FileOutbox(path, limit_bytes=1 << 20)) as outbox:
        run(outbox.append(records))
    flip(path, 25)
    with pytest.raises(Corrupt):
        prepare(path)
    assert rebuild(path, tmp_path / "quarantine").lost == ()
    prepare(path)
    with closing(FileOutbox(path, limit_bytes=1 << 20)) as outbox:
        assert [each.body for each in run(outbox.read("queue", 100))] == [r.body for r in records]
        (queue,) = run(outbox.queues())
        assert (queue.records, queue.bytes) == (40, 20_000)
