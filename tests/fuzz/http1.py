"""Streams of HTTP/1.1: how one is cut into pieces never matters, and no request is taken that h11
does not take for the same request."""

from __future__ import annotations

import random
import re

import h11

from tests.fuzz.mutation import spliced
from tests.server.wire import Seen, taken

_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n"
_CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
# Heads that a proxy may understand in another way.
SMUGGLING = [
    _CHUNKED + b"Content-Length: 5\r\n",
    b"Content-Length: 5\r\n" + _CHUNKED,
    b"Content-Length: 5\r\nContent-Length: 6\r\n",
    b"Content-Length: 5\r\nContent-Length: 5\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length : 5\r\n",
    b"Content-Length: 0x5\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: \r\n",
    b"Content-Length: 5\n",
    b"Content-Length: 99999999999999999999\r\n",
    b" Content-Length: 5\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
    b"Transfer-Encoding: identity, chunked\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n",
    b"Transfer-Encoding: \r\n chunked\r\n",
    _CHUNKED + _CHUNKED,
    b"X: a\r\n b\r\n",
    b"X: a\x00b\r\n",
    b"X: a\rb\r\n",
    b"X\x00: a\r\n",
    b"X: a\nContent-Length: 5\r\n",
    b": a\r\n",
    b"X\r\n",
    b"Host: other\r\n",
    b"Connection: close\r\n",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
]
_CHUNKED_BODIES = [
    _CHUNKS,
    b"5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b"5\nhello\n0\n\n",
    b"5\r\nhelloX0\r\n\r\n",
    b"05\r\nhello\r\n00\r\n\r\n",
    b"-1\r\n\r\n",
    b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\nHost: z\r\nContent-Length: 3\r\n\r\n",
    _CHUNKS + _HIDDEN,
]
_METHODS = [b"GET", b"PUT", b"POST", b"HEAD", b"DELETE", b"OPTIONS", b"get", b"BREW", b"G ET", b""]
_TARGETS = [b"/", b"/a/b?x=1", b"/%2F%00", b"http://h/x", b"*", b"/\xc3\xa9", b"/a b", b"//", b"/?"]
_VERSIONS = [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.2", b"http/1.1", b"HTTP/1.1 "]
GOOD = [
    b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + _HIDDEN,
    b"PUT /a HTTP/1.1\r\nHost: h\r\n" + _CHUNKED + b"\r\n" + _CHUNKS + _HIDDEN,
    b"GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n" + _HIDDEN + _HIDDEN,
    *(b"PUT /a HTTP/1.1\r\nHost: h\r\n" + each + b"\r\n" + _CHUNKS + _HIDDEN for each in SMUGGLING),
]
SEEDS = [bytes([number]) + b"\0\0\0\0" for number in range(len(GOOD))]


def one_input(data: bytes) -> None:
    number = data[0] if data else 0
    stream = spliced(GOOD[number % len(GOOD)], data[1:])
    if stream:
        check(stream, [number % len(stream)])


def check(stream: bytes, cuts: list[int]) -> None:
    """Compare what is taken of a stream, whole and in pieces, with what h11 takes."""
    whole = taken([stream])
    ends = [*sorted(cuts), len(stream)]
    pieces = [stream[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    in_pieces = taken(pieces)
    assert in_pieces[0] == whole[0], stream
    assert statuses(in_pieces[1]) == statuses(whole[1]), stream
    ours, theirs = whole[0], oracle(stream)
    assert ours == theirs[: len(ours)], (stream, ours, theirs)


def statuses(answers: bytes) -> list[bytes]:
    return re.findall(rb"HTTP/1\.1 (\d+)", answers)


def oracle(stream: bytes) -> list[Seen]:
    """The whole requests that h11 finds."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(stream)
    found: list[Seen] = []
    current = Seen("", b"", [])
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError:
            return found
        if isinstance(event, h11.Request):
            headers = [(bytes(name), bytes(value)) for name, value in event.headers]
            # ASGI does not tell an empty query from none.
            current = Seen(event.method.decode(), event.target.removesuffix(b"?"), headers)
        elif isinstance(event, h11.Data):
            current.body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            found.append(current)
            answer = h11.Response(status_code=200, headers=[("Content-Length", "0")])
            connection.send(answer)
            connection.send(h11.EndOfMessage())
            if connection.our_state is h11.MUST_CLOSE:
                return found
            try:
                connection.start_next_cycle()
            except h11.LocalProtocolError:
                return found
        else:
            # It wants more, or is paused, or over.
            return found


def stream_by(chance: random.Random) -> bytes:
    """Up to three requests, most of them good, and sometimes one byte of another value."""
    stream = b"".join(_request(chance) for _ in range(chance.randint(1, 3)))
    if chance.random() < 0.15:
        at = chance.randrange(len(stream))
        stream = stream[:at] + bytes([chance.randrange(256)]) + stream[at + 1 :]
    return stream


def _request(chance: random.Random) -> bytes:
    parts = [_mostly_first(chance, each) for each in (_METHODS, _TARGETS, _VERSIONS)]
    head, body = b" ".join(parts) + b"\r\nHost: h\r\n", b""
    kind = chance.random()
    if kind < 0.3:
        head, body = head + b"Content-Length: 5\r\n", b"hello"
    elif kind < 0.5:
        head, body = head + _CHUNKED, chance.choice(_CHUNKED_BODIES)
    elif kind < 0.75:
        head += chance.choice(SMUGGLING)
        body = chance.choice([b"hello", _CHUNKS, b"0\r\n\r\n" + _HIDDEN])
    if chance.random() < 0.1:
        head += b"Connection: close\r\n"
    return head + b"\r\n" + body


def _mostly_first(chance: random.Random, words: list[bytes]) -> bytes:
    return words[0] if chance.random() < 0.85 else chance.choice(words)
