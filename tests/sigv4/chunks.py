"""The other end of aws-chunked: an encoder written from the documentation, not from the decoder."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from s3gw.sigv4.chunked import ChunkedDecoder, ChunkVerifier
from tests.sigv4.sending import SCOPE, SECRET, TIMESTAMP

EMPTY = hashlib.sha256(b"").hexdigest()
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"


def signing_key() -> bytes:
    key = f"AWS4{SECRET}".encode()
    for part in SCOPE.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


KEY = signing_key()


def verifier(seed: str = SEED) -> ChunkVerifier:
    return ChunkVerifier(KEY, TIMESTAMP, SCOPE, seed)


def unsigned_wire(chunks: Iterable[bytes], trailers: Mapping[str, str]) -> bytes:
    framed = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk]
    lines = [f"{name}:{value}\r\n".encode() for name, value in trailers.items()]
    return b"".join([*framed, b"0\r\n", *lines, b"\r\n"])


def signed_wire(chunks: Iterable[bytes], trailers: Mapping[str, str], *, seed: str = SEED) -> bytes:
    wire, previous = b"", seed
    for chunk in [*filter(None, chunks), b""]:
        previous = _chunk_signature(previous, chunk)
        wire += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk
        wire += b"\r\n" if chunk else b""
    if trailers:
        block = "".join(f"{name}:{value}\n" for name, value in trailers.items())
        wire += block.replace("\n", "\r\n").encode()
        wire += f"x-amz-trailer-signature:{_trailer_signature(previous, block)}\r\n".encode()
    return wire + b"\r\n"


def decoded(decoder: ChunkedDecoder, *pieces: bytes) -> bytes:
    payload = b"".join([payload for piece in pieces for payload in decoder.feed(piece)])
    decoder.close()
    return payload


def _chunk_signature(previous: str, chunk: bytes) -> str:
    digest = hashlib.sha256(chunk).hexdigest()
    return _hmac("AWS4-HMAC-SHA256-PAYLOAD", previous, EMPTY, digest)


def _trailer_signature(previous: str, block: str) -> str:
    digest = hashlib.sha256(block.encode()).hexdigest()
    return _hmac("AWS4-HMAC-SHA256-TRAILER", previous, digest)


def _hmac(kind: str, *rest: str) -> str:
    text = "\n".join([kind, TIMESTAMP, SCOPE, *rest])
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()
