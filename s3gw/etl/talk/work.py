"""One object on its way through a transformer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import quote

from msgspec import Struct

from s3gw.etl.errors import TransformFailed
from storage.values import Stream

MOST_SAID = 2048


class Piece(Struct, frozen=True):
    """An object's bytes: a small one in `bytes`, another as a stream that its holder closes; `size`
    is None if it is not known yet."""

    body: bytes | Stream
    size: int | None = None

    async def blocks(self) -> Stream:
        """Yield the bytes."""
        if not isinstance(self.body, bytes):
            async for block in self.body:
                yield block
        elif self.body:
            yield self.body

    async def aclose(self) -> None:
        if not isinstance(self.body, bytes):
            await self.body.aclose()


# Opens the object from its first byte; may be called again.
Source = Callable[[], Awaitable[Piece]]


class Work(Struct, frozen=True):
    """What is to be transformed. `path` is the object as transformers know it, `bucket/object`, and
    `uname` as `provider/@#/bucket/object`; `args` are those of this request. What is not `stored`
    is the output of another transformer, or no object yet: it can only be sent. What is not
    `pullable` is an object that a transformer would not get by its uname alone, like an older
    version. With `file`, the transformer gets the path of that in place of bytes."""

    path: str
    uname: str
    source: Source
    args: str = ""
    stored: bool = True
    pullable: bool = True
    file: str = ""

    @property
    def escaped_file(self) -> str:
        """The file's path as AIStore writes it: transformers decode it once more than the rest."""
        return quote(self.file, safe="")


class Bounds(Struct, frozen=True):
    """How long a transformer may take for each step, and how many bytes it may make."""

    obj_s: float
    answer_bytes: int


def refusal(name: str, status: int, said: bytes) -> TransformFailed:
    """Return the error for an object that the transformer refuses. Its own errors, and those that
    clients would repeat, become 422."""
    text = said[:MOST_SAID].decode(errors="replace").strip() or f"status {status}"
    return TransformFailed(f"ETL error: {name}: {text}", status if 400 <= status < 429 else 422)


def too_long(name: str, bounds: Bounds) -> TransformFailed:
    return TransformFailed(f"ETL error: {name}: no answer within obj_timeout, {bounds.obj_s:g} s")


def too_much(name: str, bounds: Bounds) -> TransformFailed:
    most = bounds.answer_bytes
    return TransformFailed(f"ETL error: {name}: its output exceeds etl.answer_limit, {most} bytes")


async def started(stream: Stream) -> Stream:
    """Return a stream that yields nothing first, after that: closing it runs its clean-up, also
    when it was not read."""
    with suppress(StopAsyncIteration):
        await anext(stream)
    return stream
