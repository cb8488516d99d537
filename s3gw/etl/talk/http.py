"""Transformation over HTTP: hpush and hpull.

    hpush   PUT /bucket/object?etl_args=...             the body is the object
    hpull   GET /provider%2F@%23%2Fbucket%2Fobject      the transformer reads it at AIS_TARGET_URL

The answer's body is the new object. The output of another transformer is not stored: it is sent
with PUT to one that pulls, too, as in AIStore. So is an object that its name alone does not give. A
connection that was kept may end just as it is used again: then the object is sent a second time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from s3gw.etl.errors import EtlError, TransformFailed, Unavailable
from s3gw.etl.talk.work import (
    MOST_SAID,
    Bounds,
    Piece,
    Work,
    refusal,
    started,
    too_long,
    too_much,
)

if TYPE_CHECKING:
    import aiohttp

    from storage.values import Stream

_BLOCK = 256 << 10
_ATTEMPTS = 2
_TURNS = 100


class Http:
    """A transformer, called `name`, at `url`."""

    def __init__(
        self, name: str, url: str, session: aiohttp.ClientSession, bounds: Bounds, *, pulls: bool
    ) -> None:
        self._name = name
        self._url = url
        self._session = session
        self._bounds = bounds
        self._pulls = pulls

    async def transform(self, work: Work) -> Piece:
        """Return what it makes of the object. Raise `EtlError`."""
        import aiohttp

        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with asyncio.timeout(self._bounds.obj_s):
                    answer, sent = await self._ask(work)
            except TimeoutError:
                raise too_long(self._name, self._bounds) from None
            except aiohttp.ClientConnectorError:
                if attempt > 1:
                    break
                raise Unavailable(f"etl job {self._name} is about to be started again") from None
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                continue
            except aiohttp.ClientError as error:
                raise self._garbage(error) from None
            return await self._read(answer, sent)
        raise TransformFailed(f"ETL error: {self._name}: it ended while it transformed {work.path}")

    async def _ask(self, work: Work) -> tuple[aiohttp.ClientResponse, Piece]:
        """Return its answer, with the body unread, and what is still being sent to it: a program
        may answer before it has read everything."""
        from aiohttp import ClientTimeout
        from yarl import URL

        pulled = self._pulls and work.stored and work.pullable
        path = quote(work.uname if pulled else work.path, safe="" if pulled else "/")
        told = {"etl_args": work.args, "etl_fqn": work.escaped_file}
        query = urlencode({name: text for name, text in told.items() if text}, quote_via=quote)
        url = URL(f"{self._url}/{path}?{query}" if query else f"{self._url}/{path}", encoded=True)
        times = ClientTimeout(total=None, sock_read=self._bounds.obj_s)
        if pulled:
            headers = {"Content-Length": "0"}
            answer = await self._session.get(
                url, data=_once(b""), headers=headers, allow_redirects=False, timeout=times
            )
            return answer, Piece(b"")
        piece = Piece(b"", 0) if work.file else await work.source()
        try:
            # A body of an unknown size goes in chunks.
            headers = {} if piece.size is None else {"Content-Length": str(piece.size)}
            answer = await self._session.put(
                url,
                data=_once(piece.body),
                headers=headers,
                allow_redirects=False,
                timeout=times,
            )
        except BaseException:
            await _settle(piece)
            raise
        return answer, piece

    async def _read(self, answer: aiohttp.ClientResponse, sent: Piece) -> Piece:
        if answer.status not in (200, 202):
            try:
                said = await answer.content.read(MOST_SAID)
            except (OSError, TimeoutError, _client_error()):
                said = b""
            answer.close()
            await _settle(sent)
            raise refusal(self._name, answer.status, said)
        size = answer.content_length
        if size is not None and size > self._bounds.answer_bytes:
            answer.close()
            await _settle(sent)
            raise too_much(self._name, self._bounds)
        stream = self._stream(answer, sent)
        if size is not None and size <= _BLOCK:
            # Read at once, so that its errors come before anything is answered.
            return Piece(b"".join([part async for part in stream]), size)
        return Piece(await started(stream), size)

    async def _stream(self, answer: aiohttp.ClientResponse, sent: Piece) -> Stream:
        seen = 0
        try:
            yield b""
            while block := await answer.content.read(_BLOCK):
                seen += len(block)
                if seen > self._bounds.answer_bytes:
                    raise too_much(self._name, self._bounds)
                yield block
            # All was read: the connection can be used again.
            answer.release()
        except TimeoutError:
            raise too_long(self._name, self._bounds) from None
        except (OSError, _client_error()) as error:
            raise self._garbage(error) from None
        finally:
            answer.close()
            await _settle(sent)

    def _garbage(self, error: Exception) -> EtlError:
        what = type(error).__name__
        return TransformFailed(f"ETL error: {self._name}: it did not answer as it should: {what}")


async def _once(body: bytes | Stream) -> AsyncIterator[bytes]:
    """Yield a body that aiohttp cannot send again by itself: what ends a program must not meet the
    next one unnoticed."""
    if isinstance(body, bytes):
        yield body
        return
    async for block in body:
        yield block


async def _settle(sent: Piece) -> None:
    """Close what was sent, once the task that sends it has ended."""
    for _ in range(_TURNS):
        try:
            await sent.aclose()
        except RuntimeError:
            # It is being read; its reader was cancelled.
            await asyncio.sleep(0)
        else:
            return


def _client_error() -> type[Exception]:
    from aiohttp import ClientError

    return ClientError
