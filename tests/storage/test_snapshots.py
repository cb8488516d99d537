"""Snapshots of several databases at one moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from storage.errors import Corrupt
from storage.sqlite.connection import connect
from storage.sqlite.pages import Pages, Trust
from storage.sqlite.snapshots import at_one_moment, copy_database, require_sound
from tests.storage.damage import zero


def database(path: Path, rows: int = 0) -> Path:
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with closing(connect(path, flags=flags)) as connection:
        connection.reserve_bytes(reserve=8)
        connection.pragma("journal_mode", "WAL")
        connection.execute("CREATE TABLE numbers(id INTEGER PRIMARY KEY, n INTEGER, filling BLOB)")
        connection.execute("INSERT INTO numbers VALUES(0, 0, NULL)")
        for number in range(1, rows):
            connection.execute("INSERT INTO numbers VALUES(?, 0, randomblob(3000))", (number,))
    return path


def number_in(connection: apsw.Connection) -> int:
    found: Any = connection.execute("SELECT n FROM numbers WHERE id = 0").get
    return int(found)


@contextmanager
def counting(paths: list[Path]) -> Iterator[None]:
    """Another thread that counts in one database after the other, as fast as it can."""
    ended = threading.Event()

    def count() -> None:
        connections = [connect(path) for path in paths]
        number = 0
        while not ended.is_set():
            number += 1
            for connection in connections:
                connection.pragma("synchronous", "OFF")
                connection.execute("UPDATE numbers SET n = ? WHERE id = 0", (number,))
        for connection in connections:
            connection.close()

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_no_database_is_ahead_of_one_that_is_written_before_it(tmp_path: Path) -> None:
    paths = [database(tmp_path / f"{number}.db") for number in range(3)]
    seen = set()
    with counting(paths):
        for _ in range(200):
            with at_one_moment(paths) as snapshots:
                first, *_, last = numbers = [number_in(each) for each in snapshots]
            assert numbers == sorted(numbers, reverse=True)
            assert first - last <= 1
            seen.add(first)
    assert len(seen) > 1


def test_a_copy_is_what_the_snapshot_sees_with_its_checksums(tmp_path: Path) -> None:
    original = database(tmp_path / "original.db", rows=500)
    copy = tmp_path / "copy.db"
    with closing(connect(original)) as writer, at_one_moment([original]) as (snapshot,):
        writer.execute("UPDATE numbers SET n = 1, filling = randomblob(3000)")
        copy_database(snapshot, original, copy)
    require_sound(original, copy, lambda *_: "")
    with closing(connect(copy)) as connection:
        assert number_in(connection) == 0
        assert connection.pragma("journal_mode") == "wal"
    pages = Pages(copy)
    assert pages.count > 500
    assert {pages.get(number).trust for number in range(1, pages.count + 1)} == {Trust.SURE}
    pages.close()


def test_a_page_of_zeros_is_found_in_the_copy(tmp_path: Path) -> None:
    """Its checksum is right."""
    original = database(tmp_path / "original.db", rows=500)
    zero(original, 4096 * 100)
    with at_one_moment([original]) as (snapshot,):
        copy_database(snapshot, original, tmp_path / "copy.db")
    with pytest.raises(Corrupt, match=f"{original}: "):
        require_sound(original, tmp_path / "copy.db", lambda *_: "")
