"""Members of a compressed tar, found in one pass through it.

Read alone, each of them would unpack the tar from its beginning. A pass goes on from one entry of a
batch to the next, and keeps what later entries want of what it passes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import aclosing

from msgspec import Struct, field

from storage.archives import Member, Shard
from storage.archives.member import plain
from storage.archives.tar_stream import TarCursor
from storage.errors import MemberNotFound, StorageError

# The most bytes kept of all members of one tar; what does not fit is opened alone.
KEPT_BYTES = 1 << 20


class OnePass(Struct):
    """One tar, and how many entries still want each of its members, by plain name. `contents` are
    kept ones, `passed` those that were found and not kept; `ended` means that it saw all."""

    shard: Shard
    wanted: Counter[str]
    contents: dict[str, bytes] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    ended: bool = False
    _failed: bool = False
    _room: int = KEPT_BYTES
    _cursor: TarCursor | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def of(cls, shard: Shard, names: Iterable[str]) -> OnePass:
        return cls(shard, Counter(map(plain, names)))

    async def content(self, name: str, max_wait_s: float) -> bytes | None:
        """Return the member; None if it has to be opened alone, which will also raise why the pass
        failed. Raise `MemberNotFound`."""
        wanted = plain(name)
        async with self._turn:
            try:
                async with asyncio.timeout(max_wait_s):
                    await self._pass_to(wanted)
            except (StorageError, TimeoutError):
                self._failed = True
                await self._end()
            content = self.contents.get(wanted)
            self._note_use(wanted)
        if content is None and self.ended and wanted not in self.passed:
            raise MemberNotFound(name)
        return content

    @property
    def is_done(self) -> bool:
        """Whether no entry wants anything more."""
        return self.wanted.total() <= 0

    async def close(self) -> None:
        async with self._turn:
            self.contents.clear()
            await self._end()

    async def _pass_to(self, wanted: str) -> None:
        while not (self.ended or self._failed or wanted in self.contents or wanted in self.passed):
            if self._cursor is None:
                self._cursor = await self.shard.cursor()
            member = await self._cursor.next()
            if member is None:
                self.ended = True
                await self._end()
                return
            name = plain(member.name)
            if not self.wanted[name] or name in self.contents or name in self.passed:
                continue
            if not isinstance(member, Member) or member.packing or member.size > self._room:
                self.passed.add(name)
                continue
            async with aclosing(self._cursor.content(0, member.size)) as pieces:
                self.contents[name] = b"".join([piece async for piece in pieces])
            self._room -= member.size

    def _note_use(self, name: str) -> None:
        """Forget a member after its last use; from then on it counts as passed."""
        self.wanted[name] -= 1
        if self.wanted[name] <= 0 and name in self.contents:
            self._room += len(self.contents.pop(name))
            self.passed.add(name)

    async def _end(self) -> None:
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            await cursor.close()
