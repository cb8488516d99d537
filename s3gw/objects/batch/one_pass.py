"""Members of compressed tars, found in one pass of each tar.

One slice of a batch wants them; read alone, each of them would unpack the tar from its
beginning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, field

from storage.archives import Member, Shard
from storage.archives.member import plain
from storage.errors import MemberNotFound, StorageError

# The most bytes kept of all members of one slice; the others are opened alone.
KEPT_BYTES = 1 << 20


@dataclass(slots=True)
class OnePass:
    """What a pass through a tar found: contents by plain name; `ended` means that it saw all."""

    contents: dict[str, bytes] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    ended: bool = False

    def content(self, name: str) -> bytes | None:
        """Return the member; None if it has to be opened alone. Raise `MemberNotFound`."""
        wanted = plain(name)
        if self.ended and wanted not in self.contents and wanted not in self.passed:
            raise MemberNotFound(name)
        return self.contents.get(wanted)


async def pass_through(shard: Shard, names: Iterable[str], max_wait_s: float) -> OnePass:
    """Look for the members. A failure is not raised here: opening the member alone will raise
    it."""
    found = OnePass()
    try:
        async with asyncio.timeout(max_wait_s):
            await _fill(found, shard, {plain(name) for name in names})
    except (StorageError, TimeoutError):
        found.ended = False
    return found


async def _fill(found: OnePass, shard: Shard, missing: set[str]) -> None:
    room = KEPT_BYTES
    cursor = await shard.cursor()
    try:
        while missing:
            member = await cursor.next()
            if member is None:
                found.ended = True
                return
            name = plain(member.name)
            if name not in missing:
                continue
            missing.remove(name)
            if not isinstance(member, Member) or member.packing or member.size > room:
                found.passed.add(name)
                continue
            async with aclosing(cursor.content(0, member.size)) as pieces:
                found.contents[name] = b"".join([piece async for piece in pieces])
            room -= member.size
    finally:
        await cursor.close()
