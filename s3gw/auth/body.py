"""Payload verification from x-amz-content-sha256 and aws-chunked headers.

The signature says what the body must be: `request.content_sha256` is set for a payload with a known
hash, and the aws-chunked decoder put before `request.body` for a streamed one.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING

from s3gw.sigv4.canonical import UNSIGNED_PAYLOAD
from s3gw.sigv4.chunked import MAX_LINE, ChunkedDecoder, ChunkVerifier
from s3gw.sigv4.errors import Broken, ChunkedError
from s3gw.sigv4.payload import (
    CHAINED,
    ECDSA,
    SIGNED_CHUNKS,
    SIGNED_CHUNKS_TRAILER,
    UNSIGNED_CHUNKS_TRAILER,
    announced_trailers,
    is_chunked,
    is_payload,
)
from s3gw.wire.errors import Code, S3Error
from storage.digits import read_digits

if TYPE_CHECKING:
    from s3gw.http.request import Request

CONTENT_SHA256 = "x-amz-content-sha256"
CONTENT_SHA256_PARAMETER = "X-Amz-Content-Sha256"

_DECODED_LENGTH = "x-amz-decoded-content-length"
_BAD_CONTENT_SHA256 = (
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER "
    "or a valid sha256 value."
)
_UNSIGNED_CHUNKS = (
    "aws-chunked encoding is not supported when x-amz-content-sha256 UNSIGNED-PAYLOAD is supplied."
)
_NOT_STREAMED = (
    "An aws-chunked payload needs a STREAMING value of x-amz-content-sha256: the one that was sent "
    "is of a payload without chunks."
)
_CHUNK_HEADER = re.compile(rb"[0-9a-fA-F]+(;[^\r\n]*)?\r\n")
_BROKEN: Mapping[Broken, tuple[Code, str | None]] = {
    Broken.FRAMING: (Code.IncompleteBody, "The request body is not well-formed aws-chunked."),
    Broken.LENGTH: (Code.IncompleteBody, None),
    Broken.SIGNATURE: (Code.SignatureDoesNotMatch, None),
    Broken.TRAILERS: (Code.MalformedTrailerError, None),
    Broken.TRUNCATED: (Code.IncompleteBody, "The request body terminated unexpectedly"),
}


def declared_payload(text: str | None) -> str | None:
    """Return what the request declares about its payload: a word, a hex digest, or nothing."""
    if text is None or is_payload(text):
        return text
    if text in ECDSA:
        raise S3Error(Code.NotImplemented)
    raise S3Error(
        Code.InvalidArgument,
        _BAD_CONTENT_SHA256,
        ArgumentName=CONTENT_SHA256,
        ArgumentValue=text,
    )


def expect_unchained_payload(request: Request) -> None:
    """Prepare the body of a request without a seed signature."""
    payload = declared_payload(request.headers.get(CONTENT_SHA256))
    if payload in CHAINED:
        raise S3Error(Code.InvalidRequest, f"{payload} needs Signature Version 4.")
    expect_payload(request, payload, None)


def expect_unverified_payload(request: Request) -> None:
    """Prepare the body of a request whose signature is not checked, in any format."""
    expect_payload(request, declared_payload(request.headers.get(CONTENT_SHA256)), None)


def expect_payload(request: Request, payload: str | None, verifier: ChunkVerifier | None) -> None:
    """Prepare the body as the head declares it."""
    if payload is None:
        # Unsigned and presigned uploads of SDKs are chunked without that header.
        if _DECODED_LENGTH in request.headers and is_chunked(request.headers):
            _decode_body(request, announced_trailers(request.headers), None)
        else:
            _expect_unframed(request, UNSIGNED_PAYLOAD)
    elif payload == SIGNED_CHUNKS:
        _decode_body(request, (), verifier)
    elif payload == SIGNED_CHUNKS_TRAILER:
        _decode_body(request, announced_trailers(request.headers), verifier)
    elif payload == UNSIGNED_CHUNKS_TRAILER:
        _decode_body(request, announced_trailers(request.headers), None)
    else:
        _expect_unframed(request, payload)
        if payload != UNSIGNED_PAYLOAD:
            request.content_sha256 = payload.lower()


def _expect_unframed(request: Request, payload: str) -> None:
    """Raise for a head that declares aws-chunked in one place and denies it in the other: the
    framing would be stored as a part of the object.

    AWS keeps a body with a signed hash that calls itself aws-chunked and is not.
    """
    headers = request.headers
    length = headers.get(_DECODED_LENGTH)
    if length is not None and read_digits(length) != request.decoded_length:
        raise S3Error(
            Code.InvalidArgument,
            _NOT_STREAMED,
            ArgumentName=_DECODED_LENGTH,
            ArgumentValue=length,
        )
    if "content-encoding" not in headers or not is_chunked(headers):
        return
    if payload == UNSIGNED_PAYLOAD:
        encoding = headers["content-encoding"]
        raise S3Error(
            Code.InvalidArgument,
            _UNSIGNED_CHUNKS,
            ArgumentName="content-encoding",
            ArgumentValue=encoding,
        )
    request.body = _unframed(request.body)


async def _unframed(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the body. Raise for one that begins as an aws-chunked one does."""
    start: bytes | None = b""
    async for piece in body:
        if start is not None:
            start += piece
            if _CHUNK_HEADER.match(start):
                raise S3Error(Code.InvalidArgument, _NOT_STREAMED, ArgumentName=CONTENT_SHA256)
            if b"\n" in start or len(start) > MAX_LINE:
                start = None
        yield piece


def _decode_body(
    request: Request, announced: Iterable[str], verifier: ChunkVerifier | None
) -> None:
    text = request.headers.get(_DECODED_LENGTH)
    if text is None:
        raise S3Error(Code.MissingContentLength)
    length = read_digits(text)
    if length is None:
        raise S3Error(Code.InvalidArgument, ArgumentName=_DECODED_LENGTH, ArgumentValue=text)
    request.decoded_length = length
    decoder = ChunkedDecoder(length, announced, verifier)
    request.body = _decoded(request.body, decoder, request.trailers)


async def _decoded(
    body: AsyncIterator[bytes], decoder: ChunkedDecoder, trailers: dict[str, str]
) -> AsyncIterator[bytes]:
    try:
        async for piece in body:
            for payload in decoder.feed(piece):
                yield payload
        decoder.close()
    except ChunkedError as error:
        raise S3Error(*_BROKEN[error.reason]) from None
    trailers.update(decoder.trailers)
