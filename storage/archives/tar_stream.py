"""A tar read as a stream, member after member."""

from __future__ import annotations

from storage.archives.member import Member, plain
from storage.archives.tar_walk import HardLink, TarWalk
from storage.errors import MalformedArchive, NotSupported
from storage.pacing import Pace
from storage.values import Stream


class _Bytes:
    """A stream of pieces as a sequence of bytes, read once and from the front."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._piece = b""
        self._at = 0
        self.position = 0

    async def some(self, most: int) -> bytes:
        """At least a byte and at most so many; nothing at the end."""
        if self._at == len(self._piece):
            self._piece, self._at = await anext(self._stream, b""), 0
        taken = self._piece[self._at : self._at + most]
        self._at += len(taken)
        self.position += len(taken)
        return taken

    async def pass_to(self, position: int) -> bool:
        """Whether the stream is so long."""
        while self.position < position:
            if not await self.some(position - self.position):
                return False
        return True

    async def exactly(self, count: int) -> bytes:
        """Raises `MalformedArchive`."""
        taken = await self.some(count)
        while len(taken) < count:
            more = await self.some(count - len(taken))
            if not more:
                raise MalformedArchive("the tar was cut off")
            taken += more
        return taken

    async def close(self) -> None:
        await self._stream.aclose()


class TarCursor:
    """One pass through a tar; its holder closes it."""

    def __init__(self, stream: Stream) -> None:
        self._bytes = _Bytes(stream)
        self._walk = TarWalk()
        self._pace = Pace()

    async def next(self) -> Member | HardLink | None:
        """The next member, or None at the end; what was not read of the last one is passed over.

        Raises `MalformedArchive`.
        """
        walk = self._walk
        while not walk.ended:
            await self._pace.step()
            if not await self._bytes.pass_to(walk.position):
                raise MalformedArchive("the tar was cut off")
            first = await self._bytes.some(walk.wanted)
            if not first and walk.may_end:
                return None
            found = walk.take(await self._whole(first, walk.wanted))
            if found is not None:
                return found
        return None

    async def _whole(self, first: bytes, wanted: int) -> bytes:
        missing = wanted - len(first)
        return first + await self._bytes.exactly(missing) if missing else first

    async def find(self, name: str) -> Member | None:
        """The next member of that name. A hard link is refused: what it links to has passed."""
        wanted = plain(name)
        while (found := await self.next()) is not None:
            if plain(found.name) != wanted:
                continue
            if isinstance(found, HardLink):
                raise NotSupported("following a hard link", "a compressed TAR")
            return found
        return None

    async def content(self, start: int, stop: int) -> Stream:
        """Those bytes of the member that was found last. Raises `MalformedArchive`."""
        origin = self._bytes.position
        await self._bytes.pass_to(origin + start)
        while (left := origin + stop - self._bytes.position) > 0:
            piece = await self._bytes.some(left)
            if not piece:
                raise MalformedArchive("the tar was cut off in a member")
            yield piece

    async def close(self) -> None:
        await self._bytes.close()
