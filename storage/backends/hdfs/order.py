"""Entries of one folder in S3's order, read in that of HDFS.

Two orders differ. S3 sorts keys by the bytes of their UTF-8. HDFS sorts the names in a folder by
bytes too, but by signed ones: `é` comes before `a`. And the keys below a folder `a` begin with
`a/`, so they come after `a-b` and `a.txt`, though the name `a` comes before both.

In bounded memory, entries are therefore read from any name on (LISTSTATUS_BATCH, at most a thousand
at once), and what comes too early waits in a heap under the key that it comes at:

* a folder `a`, under `a/`;
* for a beginning `s`, all names that go on with a character that is not ASCII, under the first key
  that can follow the ASCII ones: the block of `s`. It is remembered by `s` alone if it is long, and
  read again when its turn comes; else with its entries.

Whatever waits begins as the name that was read last does, so little waits at once. A listing that
begins in the middle first finds out what would wait there: of each beginning of the name that it
begins after, whether there is a folder of that name, and a block. All of these are near one another
in HDFS' order, so that takes a few requests, whatever the size of the folder.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from itertools import count

from storage.backends.hdfs.facts import FileStatus
from storage.backends.hdfs.files import Batch

# Reads the entries of the folder after a name.
Entries = AsyncGenerator[FileStatus, None]
Read = Callable[[str], Awaitable[Batch]]

# Longer blocks are read again.
MOST_WAITING = 1000
# After the ASCII characters, in the order of S3.
_NOT_ASCII = "\x80"
# The last names with a beginning, in the order of HDFS: of all, and of those in its block.
_LAST = "\x7f" * 4
_LAST_IN_BLOCK = "\U0010ffff" + _LAST


def key_of(entry: FileStatus) -> str:
    """Return what an entry is sorted by: its name, of a folder with a slash."""
    return f"{entry.path_suffix}/" if entry.is_folder else entry.path_suffix


def rank(name: str) -> bytes:
    """Return what HDFS sorts a name by."""
    return bytes(byte ^ 0x80 for byte in name.encode())


async def in_order(read: Read, prefix: str = "", after: str = "") -> Entries:
    """Yield the entries whose names begin with the prefix, and that are, or of folders may have,
    keys after that one. Neither begins with a slash; the prefix has none."""
    if after.startswith(prefix):
        walk = _Walk(read, prefix, len(prefix), after)
    elif after.encode() < prefix.encode():
        walk = _Walk(read, prefix, len(prefix), "")
    else:
        return
    async for entry in walk.entries():
        if is_wanted(entry, after):
            yield entry


def is_wanted(entry: FileStatus, after: str) -> bool:
    """Whether an entry has, or may have, keys after that one."""
    key = key_of(entry)
    return key > after or (entry.is_folder and after.startswith(key))


class _Block:
    """The names that begin with `stem` and go on with a character that is not ASCII; `entries` are
    all of them, or None."""

    def __init__(self, stem: str) -> None:
        self.stem = stem
        self.entries: list[FileStatus] | None = []

    def add(self, entry: FileStatus) -> None:
        if self.entries is None:
            return
        if len(self.entries) == MOST_WAITING:
            self.entries = None
        else:
            self.entries.append(entry)

    def has(self, name: str) -> bool:
        at = len(self.stem)
        return name.startswith(self.stem) and len(name) > at and not name[at].isascii()


class _Walk:
    """The names that begin with a stem: all of them, or those in its block. The first `known`
    characters of each are as they must be."""

    def __init__(self, read: Read, stem: str, known: int, after: str) -> None:
        self._read = read
        self._stem = stem
        self._known = known
        self._after = after
        self._heap: list[tuple[str, int, FileStatus | _Block]] = []
        self._turns = count()

    async def entries(self) -> Entries:
        """Yield at least the entries after the key, in order."""
        last = self._after.partition("/")[0]
        start = just_before(self._stem) if self._known == len(self._stem) else self._stem
        if last:
            at = _first_not_ascii(last, self._known)
            if at is None:
                await self._find_waiting(last, len(last) + 1)
                start = last
            else:
                # All ASCII names of that beginning were before.
                async for entry in _Walk(self._read, last[:at], at + 1, self._after).entries():
                    yield entry
                await self._find_waiting(last, at)
                start = last[:at] + _LAST
        async for entry in self._read_on(start):
            yield entry

    async def _read_on(self, start: str) -> Entries:
        """Yield what waits, and what is read from a name on."""
        block: _Block | None = None
        more = True
        while more:
            batch = await self._read(start)
            more = batch.more
            for entry in batch.entries:
                name = start = entry.path_suffix
                if block is not None and block.has(name):
                    block.add(entry)
                    continue
                if not self._has(name):
                    if rank(name) > rank(self._stem):
                        more = False
                        break
                    continue
                at = _first_not_ascii(name, self._known)
                async for waited in self._due(name if at is None else name[:at]):
                    yield waited
                if at is not None:
                    block = _Block(name[:at])
                    block.add(entry)
                    self._wait(block)
                elif entry.is_folder:
                    self._wait(entry)
                else:
                    yield entry
            if block is not None and block.entries is None and block.has(start):
                start = max(start, block.stem + _LAST_IN_BLOCK, key=rank)
        async for waited in self._due(None):
            yield waited

    async def _due(self, name: str | None) -> Entries:
        """Yield what waits for keys before that name; all for None."""
        while self._heap and (name is None or self._heap[0][0] <= name):
            _, _, item = heapq.heappop(self._heap)
            if isinstance(item, FileStatus):
                yield item
            elif item.entries is not None:
                for entry in sorted(item.entries, key=key_of):
                    yield entry
            else:
                known = len(item.stem) + 1
                async for entry in _Walk(self._read, item.stem, known, "").entries():
                    yield entry

    def _wait(self, item: FileStatus | _Block) -> None:
        key = item.stem + _NOT_ASCII if isinstance(item, _Block) else key_of(item)
        heapq.heappush(self._heap, (key, next(self._turns), item))

    def _has(self, name: str) -> bool:
        if not name.startswith(self._stem):
            return False
        in_block = self._known > len(self._stem)
        return not in_block or (len(name) >= self._known and not name[self._known - 1].isascii())

    async def _find_waiting(self, last: str, stop: int) -> None:
        """Let that wait which comes after the key, though HDFS has it before the last name: of the
        name's beginnings that are shorter than `stop`, the folders and the blocks."""
        near = _Neighbours(self._read)
        for at in range(self._known, stop):
            beginning = last[:at]
            folder = await near.named(beginning) if beginning else None
            if folder is not None and folder.is_folder and is_wanted(folder, self._after):
                self._wait(folder)
            # The block of the last name itself is read after it.
            if at < len(last) and await near.has_block(beginning):
                block = _Block(beginning)
                block.entries = None
                self._wait(block)


class _Neighbours:
    """Looks for names that are near one another, in ascending order, with few requests."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._entries: Sequence[FileStatus] = ()
        self._ranks: list[bytes] = []
        self._from: bytes | None = None
        self._more = True

    async def named(self, name: str) -> FileStatus | None:
        """Return the entry of that name."""
        at = await self._after(name) - 1
        found = self._entries[at] if at >= 0 else None
        return found if found is not None and found.path_suffix == name else None

    async def has_block(self, stem: str) -> bool:
        """Whether there are names that go on with a character that is not ASCII after that."""
        at = await self._after(stem)
        return at < len(self._entries) and _Block(stem).has(self._entries[at].path_suffix)

    async def _after(self, name: str) -> int:
        """Return the place of the first entry after the name. The name itself is among the entries
        too, if it is there."""
        wanted = rank(name)
        while self._from is None or (self._more and (not self._ranks or self._ranks[-1] <= wanted)):
            start = just_before(name)
            if self._from is not None and self._ranks and rank(start) < self._ranks[-1]:
                start = self._entries[-1].path_suffix
                kept = self._entries[-1:]
            else:
                kept = ()
            batch = await self._read(start)
            self._from = rank(start)
            self._entries = [*kept, *batch.entries]
            self._ranks = [rank(each.path_suffix) for each in self._entries]
            self._more = batch.more
        return bisect_right(self._ranks, wanted)


def just_before(name: str) -> str:
    """Return a name that HDFS sorts before that one, with few others between."""
    if not name:
        return ""
    begin, last = name[:-1], ord(name[-1])
    if last in (0, 1, 0x80):
        return begin
    before = chr(0xD7FF) if last == 0xE000 else chr(last - 1)
    return begin + before + _LAST


def _first_not_ascii(name: str, begin: int) -> int | None:
    for at in range(begin, len(name)):
        if not name[at].isascii():
            return at
    return None
