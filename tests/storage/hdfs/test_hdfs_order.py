"""The order of S3, read from a folder in the order of HDFS, a few entries at a time."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage.backends.hdfs import order
from storage.backends.hdfs.facts import FileStatus
from storage.backends.hdfs.files import Batch
from storage.backends.hdfs.order import in_order, just_before, key_of, rank
from tests.storage.event_loop import run

# Characters beside the slash, beside the borders of UTF-8 and UTF-16, and in between.
_LETTERS = "!-.0a~\x7f\x80\xe9\u07ff\u65e5\ud7ff\ue000\uffff\U00010000\U0010ffff"
NAMES = st.text(st.sampled_from(_LETTERS), min_size=1, max_size=4)
FOLDERS = st.dictionaries(NAMES, st.booleans(), max_size=30)
MARKERS = st.tuples(NAMES | st.just(""), st.sampled_from(["", "/x"])).map("".join)


class Folder:
    """Entries by name, whether each is a folder; it counts how often it is read."""

    def __init__(self, entries: dict[str, bool], limit: int) -> None:
        self.entries = [
            FileStatus("DIRECTORY" if is_folder else "FILE", path_suffix=name)
            for name, is_folder in sorted(entries.items(), key=lambda each: rank(each[0]))
        ]
        self.limit = limit
        self.reads = 0

    async def read(self, start_after: str) -> Batch:
        self.reads += 1
        rest = [each for each in self.entries if rank(each.path_suffix) > rank(start_after)]
        return Batch(rest[: self.limit], more=len(rest) > self.limit)

    def listed(self, prefix: str = "", after: str = "") -> list[str]:
        async def keys() -> list[str]:
            return [key_of(entry) async for entry in in_order(self.read, prefix, after)]

        return run(keys())


def expected(entries: dict[str, bool], prefix: str, after: str) -> list[str]:
    keys = [f"{name}/" if is_folder else name for name, is_folder in entries.items()]
    return sorted(
        (
            key
            for key in keys
            if key.startswith(prefix)
            and (key > after or (key.endswith("/") and after.startswith(key)))
        ),
        key=str.encode,
    )


@given(FOLDERS, st.integers(1, 5), st.just("") | NAMES, MARKERS, st.sampled_from([1, 2, 1000]))
@example({"a": True, "a-b": False, "a.b": False, "a0": False}, 1, "", "", 1000)
@example({"a": True, "a-b": True, "a\xe9": False, "\xe9": True}, 1, "", "a-b/x", 1000)
@example({"\xe9a": False, "\xe9\xe9": True, "a": False}, 1, "", "\xe9a", 1)
@example({"\U0010ffff\U0010ffff-": False, "\U0010ffff\x7f\x7f": True, "a": False}, 1, "", "", 1)
def test_entries_come_in_the_order_of_their_keys(
    entries: dict[str, bool], limit: int, prefix: str, after: str, most_waiting: int
) -> None:
    folder = Folder(entries, limit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "MOST_WAITING", most_waiting)
        assert folder.listed(prefix, after) == expected(entries, prefix, after)


def test_a_long_block_of_names_that_are_not_ascii_does_not_wait_in_memory() -> None:
    entries = {f"\xe9{number:04}": False for number in range(3000)} | {"a": False, "z": True}
    folder = Folder(entries, 1000)
    assert folder.listed() == expected(entries, "", "")
    assert folder.reads < 12


def test_going_on_in_the_middle_of_a_large_folder_takes_few_reads() -> None:
    entries = {f"train-{number:06}.tar": False for number in range(20_000)}
    folder = Folder(entries, 1000)

    async def first() -> str:
        async for entry in in_order(folder.read, "", "train-013579.tar"):
            return key_of(entry)
        return ""

    assert run(first()) == "train-013580.tar"
    assert folder.reads <= 5


def test_names_of_a_large_folder_are_read_once() -> None:
    entries = {f"{number:06}.jpg": number % 1000 == 0 for number in range(20_000)}
    folder = Folder(entries, 1000)
    assert folder.listed() == expected(entries, "", "")
    assert folder.reads <= 21


@given(NAMES)
def test_a_name_before_another_one_is_before_it(name: str) -> None:
    assert rank(just_before(name)) < rank(name)
