"""Decoder of `aws-chunked` bodies: bytes in, payload out, no I/O.

    <hex size>[;chunk-signature=<hex>] CRLF <payload> CRLF    ... repeated, sizes above zero
    0[;chunk-signature=<hex>] CRLF
    [<trailer name>:<value> CRLF]... [x-amz-trailer-signature:<hex> CRLF] CRLF

There are three kinds, distinguished by x-amz-content-sha256: signed chunks, signed chunks with
signed trailers, unsigned chunks with trailers. Chunks are independent of the pieces from the
server: a piece may have half a line or many chunks.

Signatures are a chain. Each chunk signs the signature before it, the first one that of the
request's head (the seed), the trailers that of the empty chunk; so nothing can be left out, added
or put elsewhere.

    chunk     AWS4-HMAC-SHA256-PAYLOAD LF <timestamp> LF <scope> LF <signature before> LF
              hex(SHA256("")) LF hex(SHA256(payload))
    trailers  AWS4-HMAC-SHA256-TRAILER LF <timestamp> LF <scope> LF <signature before> LF
              hex(SHA256(<name>:<value> LF ...))

    HEADER -> PAYLOAD -> PAYLOAD_END -> HEADER ... -> TRAILERS -> DONE

Payload is handed out before the signature of its chunk is known. That is safe because a PUT is
visible only once committed, and `close` raises before the commit unless everything verified.
Payload is never gathered here: only a line that has not all arrived is kept.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from enum import Enum, auto

from s3gw.sigv4.errors import Broken, ChunkedError
from s3gw.sigv4.scope import EMPTY_SHA256, same, sign

# A line longer than this is an attack, not a chunk; a signed chunk header has 100 bytes.
MAX_LINE = 1024
MAX_TRAILERS = 16
# Payload is handed out in pieces of at most this, so that hashing one never holds up the loop.
MAX_PIECE = 65536

TRAILER_SIGNATURE = "x-amz-trailer-signature"

_HEX = b"0123456789abcdefABCDEF"
_MAX_SIZE_DIGITS = 16
_CHUNK_SIGNATURE = b"chunk-signature="


class ChunkVerifier:
    """Checks the chain of signatures of one body."""

    def __init__(self, key: bytes, timestamp: str, scope: str, seed_signature: str) -> None:
        self._key = key
        self._context = f"{timestamp}\n{scope}"
        self._previous = seed_signature

    def check_chunk(self, payload_sha256: str, signature: str) -> None:
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{self._context}\n{self._previous}\n{EMPTY_SHA256}"
        self._check(f"{text}\n{payload_sha256}", signature)

    def check_trailers(self, trailers_sha256: str, signature: str) -> None:
        text = f"AWS4-HMAC-SHA256-TRAILER\n{self._context}\n{self._previous}"
        self._check(f"{text}\n{trailers_sha256}", signature)

    def _check(self, text: str, signature: str) -> None:
        expected = sign(self._key, text)
        if not same(expected, signature):
            raise ChunkedError(Broken.SIGNATURE, "a chunk is not signed as its head promises")
        self._previous = expected


class State(Enum):
    HEADER = auto()
    PAYLOAD = auto()
    PAYLOAD_END = auto()
    TRAILERS = auto()
    DONE = auto()


class ChunkedDecoder:
    """Takes the body of one request, piece by piece; `trailers` are complete when it is closed.

    `decoded_length` is the payload in bytes, `announced` the names of x-amz-trailer in lower case.
    Without a verifier signatures are read over.
    """

    def __init__(
        self,
        decoded_length: int,
        announced: Iterable[str] = (),
        verifier: ChunkVerifier | None = None,
    ) -> None:
        self.trailers: dict[str, str] = {}
        self._announced = frozenset(announced)
        self._verifier = verifier
        self._state = State.HEADER
        self._partial_line = b""
        self._owed = decoded_length
        self._left = 0
        self._signature = ""
        self._digest = hashlib.sha256()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Take more of the body; yield the payload in it. Raises `ChunkedError`."""
        if self._partial_line:
            piece = self._partial_line + piece
            self._partial_line = b""
        position, end = 0, len(piece)
        while position < end:
            if self._state is State.PAYLOAD:
                payload = piece[position : position + min(self._left, MAX_PIECE)]
                position += len(payload)
                self._take_payload(payload)
                yield payload
                continue
            line_end = piece.find(b"\r\n", position, position + MAX_LINE + 2)
            if line_end < 0:
                self._keep(piece[position:])
                return
            self._take_line(piece[position:line_end])
            position = line_end + 2

    def close(self) -> None:
        """Check that the body is complete, at its end. Raises `ChunkedError`."""
        if self._state is not State.DONE or self._partial_line:
            raise ChunkedError(Broken.TRUNCATED, f"the body ended in {self._state.name}")

    def _take_payload(self, payload: bytes) -> None:
        self._left -= len(payload)
        if self._verifier is not None:
            self._digest.update(payload)
        if not self._left:
            self._state = State.PAYLOAD_END

    def _keep(self, start_of_line: bytes) -> None:
        if self._state is State.DONE:
            raise ChunkedError(Broken.FRAMING, "bytes after the end")
        if len(start_of_line) > MAX_LINE + 1:
            raise ChunkedError(Broken.FRAMING, "a line is too long")
        self._partial_line = start_of_line

    def _take_line(self, line: bytes) -> None:
        match self._state:
            case State.HEADER:
                self._start_chunk(line)
            case State.PAYLOAD_END:
                self._end_chunk(line)
            case State.TRAILERS:
                self._take_trailers(line)
            case _:
                raise ChunkedError(Broken.FRAMING, "bytes after the end")

    def _start_chunk(self, line: bytes) -> None:
        size, _, extension = line.partition(b";")
        if not size or size.strip(_HEX) or len(size) > _MAX_SIZE_DIGITS:
            raise ChunkedError(Broken.FRAMING, "a chunk size is not hexadecimal")
        self._left = int(size, 16)
        if self._left > self._owed or (not self._left and self._owed):
            raise ChunkedError(Broken.LENGTH, "the payload has not the announced length")
        self._owed -= self._left
        self._signature = extension.strip().removeprefix(_CHUNK_SIGNATURE).decode("latin-1")
        self._state = State.PAYLOAD
        if not self._left:
            self._check_chunk()
            self._state = State.TRAILERS

    def _end_chunk(self, line: bytes) -> None:
        if line:
            raise ChunkedError(Broken.FRAMING, "a payload is longer than its chunk")
        self._check_chunk()
        self._state = State.HEADER

    def _check_chunk(self) -> None:
        if self._verifier is not None:
            self._verifier.check_chunk(self._digest.hexdigest(), self._signature)
            self._digest = hashlib.sha256()

    def _take_trailers(self, line: bytes) -> None:
        if not line:
            self._end_trailers()
            self._state = State.DONE
        # minio-go ends trailers with a lone LF, and the last of them with LF CRLF.
        for item in filter(None, line.split(b"\n")):
            name, colon, value = item.decode("latin-1").partition(":")
            name = name.strip(" \t").lower()
            if not colon or name in self.trailers or len(self.trailers) == MAX_TRAILERS:
                raise ChunkedError(Broken.TRAILERS, "a trailer is malformed")
            self.trailers[name] = value.strip(" \t")

    def _end_trailers(self) -> None:
        signature = self.trailers.pop(TRAILER_SIGNATURE, "")
        if self.trailers.keys() != self._announced:
            raise ChunkedError(Broken.TRAILERS, "the trailers are not those that were announced")
        if self._verifier is not None and (self.trailers or signature):
            signed = "".join([f"{name}:{value}\n" for name, value in self.trailers.items()])
            digest = hashlib.sha256(signed.encode("latin-1")).hexdigest()
            self._verifier.check_trailers(digest, signature)
