"""Transformation over a WebSocket: ws.

At `/ws`, the client sends two messages for an object: a JSON document with its path and arguments,
and the bytes, unless the document has the path of a file. The transformer answers with one message:
bytes are the new object, a text says why there is none. One connection has one object at a time,
and is used again; messages are whole, so objects are in memory here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from s3gw.etl.errors import TransformFailed, Unavailable
from s3gw.etl.talk.work import MOST_SAID, Bounds, Piece, Work, refusal, too_long

if TYPE_CHECKING:
    import aiohttp

# The largest message in either direction.
MOST_BYTES = 256 << 20
# Few objects that are larger than this are in memory at the same time.
_LARGE_BYTES, _LARGE_AT_ONCE = 8 << 20, 2


class WebSocket:
    """A transformer, called `name`, at `url`; `close` it when it is not used any more."""

    def __init__(self, name: str, url: str, session: aiohttp.ClientSession, bounds: Bounds) -> None:
        self._name = name
        self._url = url
        self._session = session
        self._bounds = bounds
        self._idle: list[aiohttp.ClientWebSocketResponse] = []
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)

    async def transform(self, work: Work) -> Piece:
        """Return what it makes of the object. Raise `EtlError`."""
        if work.file:
            return await self._send(work, b"")
        piece = await work.source()
        if isinstance(piece.body, bytes):
            return await self._send(work, piece.body)
        try:
            async with self._room_for(piece):
                return await self._send(work, await self._whole(work, piece))
        finally:
            await piece.aclose()

    @asynccontextmanager
    async def _room_for(self, piece: Piece) -> AsyncIterator[None]:
        """Hold the place of a large object. Raise `Unavailable` where none was free in time."""
        if piece.size is not None and piece.size <= _LARGE_BYTES:
            yield
            return
        try:
            async with asyncio.timeout(self._bounds.obj_s):
                await self._large.acquire()
        except TimeoutError:
            raise Unavailable(f"etl job {self._name} is busy with large objects") from None
        try:
            yield
        finally:
            self._large.release()

    async def _send(self, work: Work, body: bytes) -> Piece:
        import aiohttp

        try:
            async with asyncio.timeout(self._bounds.obj_s):
                while True:
                    reused = bool(self._idle)
                    connection = await self._connection()
                    try:
                        return await self._exchange(connection, work, body)
                    except (aiohttp.ClientError, ConnectionError):
                        if not reused:
                            raise
        except TimeoutError:
            raise too_long(self._name, self._bounds) from None
        except aiohttp.ClientConnectorError:
            raise Unavailable(f"etl job {self._name} is about to be started again") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            what = type(error).__name__
            raise TransformFailed(
                f"ETL error: {self._name}: its WebSocket failed: {what}"
            ) from None

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    async def _exchange(
        self, connection: aiohttp.ClientWebSocketResponse, work: Work, body: bytes
    ) -> Piece:
        from aiohttp import WSMsgType

        kept = False
        try:
            told = {"path": work.path, "etl_args": work.args, "fqn": work.escaped_file}
            control = {name: text for name, text in told.items() if text}
            await connection.send_bytes(msgspec.json.encode(control))
            if not work.file:
                await connection.send_bytes(body)
            answer = await connection.receive()
            match answer.type:
                case WSMsgType.BINARY:
                    kept = True
                    return Piece(answer.data, len(answer.data))
                case WSMsgType.TEXT:
                    kept = True
                    raise refusal(self._name, 0, answer.data.encode()[:MOST_SAID])
                case WSMsgType.CLOSE | WSMsgType.CLOSED | WSMsgType.CLOSING:
                    raise ConnectionResetError("closed")
                case _:
                    raise TransformFailed(
                        f"ETL error: {self._name}: its message cannot be read, or is longer than "
                        f"{MOST_BYTES} bytes"
                    )
        finally:
            if kept:
                self._idle.append(connection)
            else:
                await connection.close()

    async def _connection(self) -> aiohttp.ClientWebSocketResponse:
        if self._idle:
            return self._idle.pop()
        most = min(MOST_BYTES, self._bounds.answer_bytes)
        url = f"ws{self._url.removeprefix('http')}/ws"
        return await self._session.ws_connect(url, max_msg_size=most, compress=0)

    async def _whole(self, work: Work, piece: Piece) -> bytes:
        parts, size = [], 0
        async for block in piece.blocks():
            size += len(block)
            if size > MOST_BYTES:
                raise TransformFailed(
                    f"ETL error: {work.path} has more than {MOST_BYTES} bytes: too many for "
                    "ws://, use hpush://"
                )
            parts.append(block)
        return b"".join(parts)
