"""Sorting in bounded memory, and temporary files, on their own."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.jobs.sorting.external_sort import ExternalSort
from s3gw.jobs.sorting.records import Sortable, extension_of
from s3gw.jobs.sorting.scratch import FRAME, Room, Scratch
from storage.errors import Corrupt, OutOfSpace


def never() -> None:
    """Nothing is to stop."""


@pytest.mark.parametrize("decreasing", [False, True])
@pytest.mark.parametrize("memory", [1, 1 << 14, 1 << 30])
def test_records_are_sorted_and_stay_in_order_where_keys_are_equal(
    tmp_path: Path, memory: int, decreasing: bool
) -> None:
    chance = random.Random(7)
    rows = [(chance.randrange(3), chance.randrange(40), number) for number in range(2000)]
    sort = ExternalSort(Room(tmp_path), memory, never, decreasing=decreasing)
    most = 0
    for group, key, number in rows:
        sort.add([Sortable(group, key, 1, str(number).encode())])
        most = max(most, sort.runs)
    found = [(group, key, int(record)) for group, key, _, record in sort.sorted()]
    assert found == sorted(rows, key=lambda row: row[:2], reverse=decreasing)
    # Runs of one level become one of the next.
    assert most <= 3 * 16
    assert (most > 0) == (memory < 1 << 30)
    sort.close()
    assert os.listdir(tmp_path) == []


@given(st.lists(st.binary(max_size=3 * FRAME), max_size=6), st.data())
def test_a_temporary_file_gives_back_what_it_got(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], data: st.DataObject
) -> None:
    scratch = Scratch(Room(tmp_path_factory.mktemp("scratch")))
    whole = b"".join(pieces)
    offsets = [scratch.append(piece) for piece in pieces]
    assert offsets == [sum(map(len, pieces[:at])) for at in range(len(pieces))]
    assert scratch.size == len(whole)
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    assert scratch.read(start, stop - start) == whole[start:stop]
    assert b"".join(scratch.windows(start, stop)) == whole[start:stop]
    scratch.close()


def test_a_temporary_file_is_sealed_and_has_no_name(tmp_path: Path) -> None:
    scratch = Scratch(Room(tmp_path))
    scratch.append(b"secret" * FRAME)
    assert os.listdir(tmp_path) == []
    (file,) = (
        link
        for link in Path("/proc/self/fd").iterdir()
        if os.path.lexists(link) and str(tmp_path) in os.readlink(link)
    )
    with file.open("r+b") as raw:
        assert b"secret" not in raw.read()
        raw.seek(100)
        raw.write(b"x")
    with pytest.raises(Corrupt):
        scratch.read(0, 10)
    scratch.close()


def test_a_full_disk_ends_the_sorting(tmp_path: Path) -> None:
    room = Room(tmp_path, has_room=lambda: False)
    with pytest.raises(OutOfSpace, match="no room for temporary files"):
        Scratch(room)


@pytest.mark.parametrize(
    ("name", "extension"),
    [("a.jpg", ".jpg"), ("d.x/a.seg.png", ".seg.png"), ("d.x/a", ""), (".a", ".a"), ("", "")],
)
def test_an_extension_begins_at_the_first_dot_of_the_last_part(name: str, extension: str) -> None:
    assert extension_of(name) == extension
