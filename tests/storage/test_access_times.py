"""Times of reading: batched, exact to a minute, kept in a file that may be lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

from storage.access_times import AGAIN_NS, MOST_SEEN, AccessTimes
from tests.storage.fake_clock import FakeClock

START_S = 2_000_000_000
_NS = 1_000_000_000


def written(path: Path, clock: FakeClock, *names: str) -> None:
    """As another process has noted them."""

    async def note() -> None:
        times = AccessTimes(path, clock)
        for name in names:
            times.note("bucket", name)
        await times.flush()
        times.close()

    asyncio.run(note())


def test_an_object_is_noted_once_a_minute(tmp_path: Path) -> None:
    clock = FakeClock(START_S)

    async def reads() -> None:
        times = AccessTimes(tmp_path / "access.db", clock)
        first = times.note("bucket", "k")
        clock.advance_s(59)
        assert times.note("bucket", "k") == first
        clock.advance_s(2)
        assert times.note("bucket", "k") == first + 61 * _NS
        assert times.of("bucket", ["k", "other"]) == [first + 61 * _NS, 0]
        times.close()

    asyncio.run(reads())


def test_other_processes_and_later_ones_know_the_times(tmp_path: Path) -> None:
    clock = FakeClock(START_S)
    path = tmp_path / "access.db"
    written(path, clock, "a", "b")
    clock.advance_s(3600)
    written(path, clock, "b", "ü/x")

    async def ask() -> list[int]:
        times = AccessTimes(path, clock)
        assert await times.last("bucket", "a") == START_S * _NS
        assert await times.last("other", "a") == 0
        found = list(times.of("bucket", ["a", "b", "ü/x", "none"]))
        times.close()
        return found

    later = (START_S + 3600) * _NS
    assert asyncio.run(ask()) == [START_S * _NS, later, later, 0]


def test_an_older_time_does_not_replace_a_newer_one(tmp_path: Path) -> None:
    path = tmp_path / "access.db"
    written(path, FakeClock(START_S + 100), "k")
    written(path, FakeClock(START_S), "k")
    times = AccessTimes(path)
    assert times.of("bucket", ["k"]) == [(START_S + 100) * _NS]
    times.close()


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    clock, path = FakeClock(START_S), tmp_path / "access.db"

    async def note() -> None:
        times = AccessTimes(path, clock)
        times.note("bucket", "k")
        times.close()

    asyncio.run(note())
    times = AccessTimes(path)
    assert times.of("bucket", ["k"]) == [START_S * _NS]
    times.close()


def test_without_a_file_a_process_has_its_own_times() -> None:
    times = AccessTimes(None, FakeClock(START_S))
    assert times.of("bucket", ["k"]) == [0]
    times.note("bucket", "k")
    assert times.of("bucket", ["k"]) == [START_S * _NS]
    times.close()


def test_nothing_is_written_where_nothing_was_read(tmp_path: Path) -> None:
    times = AccessTimes(tmp_path / "access.db")
    assert times.of("bucket", ["k"] * 2000) == [0] * 2000
    times.close()
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_loses_times_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "access.db"
    path.write_bytes(b"this is no database" * 1000)
    written(path, FakeClock(START_S), "k")
    times = AccessTimes(path)
    assert times.of("bucket", ["k"]) == [0]
    times.close()


def test_memory_is_bounded(tmp_path: Path) -> None:
    clock = FakeClock(START_S)

    async def reads() -> None:
        times = AccessTimes(tmp_path / "access.db", clock)
        for number in range(MOST_SEEN + 10):
            times.note("bucket", str(number))
        assert len(times._seen) <= MOST_SEEN
        await times.flush()
        assert times.of("bucket", ["0", str(MOST_SEEN)]) == [START_S * _NS] * 2
        times.close()

    asyncio.run(reads())


def test_of_a_large_file_the_older_half_goes(tmp_path: Path) -> None:
    clock, path = FakeClock(START_S), tmp_path / "access.db"

    async def reads() -> None:
        times = AccessTimes(path, clock, most_pages=4)
        for number in range(4000):
            clock.advance_s(1)
            times.note("bucket", str(number))
        await times.flush()
        found = times.of("bucket", ["100", "3999"])
        times.close()
        assert found[1] > found[0]

    asyncio.run(reads())
    times = AccessTimes(path)
    first, last = times.of("bucket", ["100", "3999"])
    assert (first, last > 0) == (0, True)
    times.close()


def test_a_minute_is_what_is_promised() -> None:
    assert AGAIN_NS == 60 * _NS
