"""An S3 server of computed objects that answers late: `python -m compat.bench.slow_s3`.

The bucket and its objects are those of the command line. An object named `1048576/000007` is the
eighth of those of 1 MiB; nothing is stored. The head of each answer comes `delay-ms` after the
request, and each connection then gets `rate-mb` million bytes a second at most. Whatever the
signature, the answer is the same.

It reads and writes the sockets itself: a body goes to the kernel from one block of memory, so that
this server costs little on the machine that it shares with the one that is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import re
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

HOST = "127.0.0.1"
_BLOCK = random.Random(1).randbytes(4 << 20)
# What goes out between two looks at the clock.
_PIECE_BYTES = 256 << 10
# A connection that was late sends faster, until it has made up for this.
_LENIENCE_S = 0.02
_MOST_HEAD_BYTES = 1 << 16
_MOST_KEYS = 1_000
_MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"
_MODIFIED_ISO = "2023-11-14T22:13:20.000Z"
_KEY = re.compile(r"(\d+)/(\d{6})")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_REASONS = {200: "OK", 206: "Partial Content"}


@dataclass(frozen=True, slots=True)
class Kind:
    """So many objects of one size."""

    count: int
    size: int

    @classmethod
    def parse(cls, text: str) -> Kind:
        """Read `COUNTxSIZE`. Raises `ValueError`."""
        count, _, size = text.partition("x")
        return cls(int(count), int(size))

    def names(self) -> Iterator[str]:
        return (key_of(self.size, number) for number in range(self.count))


@dataclass(frozen=True, slots=True)
class Answer:
    """`head` are headers; the body is either `text` or those bytes of the object of that key."""

    status: int
    head: Mapping[str, str]
    text: bytes = b""
    key: str = ""
    span: range = range(0)


@dataclass(frozen=True, slots=True)
class SlowS3:
    bucket: str
    kinds: Sequence[Kind]
    delay_s: float
    bytes_per_s: float

    async def serve(self, listener: socket.socket) -> None:
        """Answer until cancelled."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as connections:
            while True:
                connection, _ = await loop.sock_accept(listener)
                connections.create_task(self._converse(connection))

    async def _converse(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with connection:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while request := await _read_head(loop, connection):
                    due = loop.time() + self.delay_s
                    method, target, headers = _parse(request)
                    answer = self.answer(method, target, headers)
                    await asyncio.sleep(due - loop.time())
                    await loop.sock_sendall(connection, _head_of(answer) + answer.text)
                    await self._send_body(connection, answer)
            except ConnectionError:
                return

    async def _send_body(self, connection: socket.socket, answer: Answer) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for piece in content(answer.key, answer.span):
            await loop.sock_sendall(connection, piece)
            due = max(due, loop.time() - _LENIENCE_S) + len(piece) / self.bytes_per_s
            if (early_s := due - loop.time()) > 0:
                await asyncio.sleep(early_s)

    def answer(self, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        place = urlsplit(target)
        bucket, _, key = unquote(place.path).removeprefix("/").partition("/")
        if method not in ("GET", "HEAD"):
            return _error(method, 501, "NotImplemented")
        if bucket != self.bucket:
            return _error(method, 404, "NoSuchBucket")
        if key:
            return self._object(method, key, headers)
        if method == "HEAD":
            return Answer(200, {"Content-Length": "0"})
        query = parse_qs(place.query)
        if "list-type" not in query:
            return _error(method, 501, "NotImplemented")
        return self._listing({name: values[0] for name, values in query.items()})

    def _object(self, method: str, key: str, headers: Mapping[str, str]) -> Answer:
        size = self._size_of(key)
        if size is None:
            return _error(method, 404, "NoSuchKey")
        if headers.get("if-match", etag_of(key)) not in ("*", etag_of(key)):
            return _error(method, 412, "PreconditionFailed")
        said = {"ETag": etag_of(key), "Last-Modified": _MODIFIED, "Accept-Ranges": "bytes"}
        status, span = 200, range(size)
        if found := _RANGE.fullmatch(headers.get("range", "")):
            span = range(size)[int(found[1]) : int(found[2]) + 1 if found[2] else None]
            if not span:
                return _error(method, 416, "InvalidRange")
            status = 206
            said["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
        said["Content-Length"] = str(len(span))
        return Answer(status, said, key=key, span=span if method == "GET" else range(0))

    def _size_of(self, key: str) -> int | None:
        found = _KEY.fullmatch(key)
        if not found:
            return None
        size, number = int(found[1]), int(found[2])
        known = any(kind.size == size and number < kind.count for kind in self.kinds)
        return size if known else None

    def _listing(self, query: Mapping[str, str]) -> Answer:
        """A page of ListObjectsV2; the token is the last key of the page before."""
        prefix = query.get("prefix", "")
        after = query.get("continuation-token") or query.get("start-after", "")
        limit = min(int(query.get("max-keys", _MOST_KEYS)), _MOST_KEYS)
        every = sorted(key for kind in self.kinds for key in kind.names())
        keys = [key for key in every if key.startswith(prefix) and key > after]
        page = keys[:limit]
        more = len(keys) > limit
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{escape(self.bucket)}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(page)}</KeyCount><MaxKeys>{limit}</MaxKeys>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}"
            f"{''.join(map(self._row, page))}</ListBucketResult>"
        ).encode()
        return _xml(200, text)

    def _row(self, key: str) -> str:
        return (
            f"<Contents><Key>{escape(key)}</Key><LastModified>{_MODIFIED_ISO}</LastModified>"
            f"<ETag>{escape(etag_of(key))}</ETag><Size>{self._size_of(key)}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
        )


def key_of(size: int, number: int) -> str:
    return f"{size}/{number:06d}"


def etag_of(key: str) -> str:
    """Return the ETag with its quotes."""
    return f'"{hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()}"'


def content(key: str, span: range) -> Iterator[memoryview]:
    """Yield these bytes of an object in pieces. Objects begin at different places of one block."""
    begin = int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest()[:4], "big")
    block = memoryview(_BLOCK)
    at = span.start
    while at < span.stop:
        place = (begin + at) % len(block)
        piece = block[place : place + min(_PIECE_BYTES, span.stop - at)]
        yield piece
        at += len(piece)


async def _read_head(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> bytes:
    """Return the head of the next request; empty when the client has gone. No request has a
    body."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < _MOST_HEAD_BYTES:
        data = await loop.sock_recv(connection, _MOST_HEAD_BYTES)
        if not data:
            return b""
        head += data
    return head


def _parse(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    return method, target, {name.lower(): value.strip() for name, _, value in pairs}


def _head_of(answer: Answer) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in answer.head.items())
    reason = _REASONS.get(answer.status, "Error")
    return f"HTTP/1.1 {answer.status} {reason}\r\n{lines}\r\n".encode()


def _error(method: str, status: int, code: str) -> Answer:
    if method == "HEAD":
        return Answer(status, {"Content-Length": "0"})
    return _xml(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())


def _xml(status: int, text: bytes) -> Answer:
    return Answer(
        status, {"Content-Type": "application/xml", "Content-Length": str(len(text))}, text
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m compat.bench.slow_s3", description=__doc__)
    add = parser.add_argument
    add("--port", type=int, required=True)
    add("--bucket", default="train")
    add("--objects", type=Kind.parse, action="append", default=[], metavar="COUNTxBYTES")
    add("--delay-ms", type=float, default=50.0)
    add("--rate-mb", type=float, default=100.0, help="million bytes a second of a connection")
    asked = parser.parse_args(arguments)
    server = SlowS3(asked.bucket, asked.objects, asked.delay_ms / 1e3, asked.rate_mb * 1e6)
    with socket.create_server((HOST, asked.port), backlog=256) as listener:
        listener.setblocking(False)
        asyncio.run(server.serve(listener))
    return 0


if __name__ == "__main__":
    sys.exit(main())
