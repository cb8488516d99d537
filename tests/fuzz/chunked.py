"""aws-chunked bodies: a signed one that is accepted is the one that was signed, and how a body is
cut into pieces never matters."""

from __future__ import annotations

from s3gw.sigv4.chunked import ChunkedDecoder
from s3gw.sigv4.errors import ChunkedError
from tests.fuzz.mutation import spliced
from tests.sigv4.chunks import decoded, signed_wire, unsigned_wire, verifier

PAYLOAD = b"first chunk, then a second one"
TRAILERS = {"x-amz-checksum-crc32": "AAAAAA=="}
_CHUNKS = (PAYLOAD[:13], PAYLOAD[13:])
SIGNED = signed_wire(_CHUNKS, TRAILERS)
UNSIGNED = unsigned_wire(_CHUNKS, TRAILERS)
SEEDS = [
    bytes([kind]) + b"\0\0\0\0" for kind in range(4)
] + [b"\1\1" + UNSIGNED, b"\0\1" + SIGNED]  # fmt: skip


def one_input(data: bytes) -> None:
    kind = data[0] if data else 0
    is_signed = kind % 2 == 0
    body = spliced(SIGNED if is_signed else UNSIGNED, data[1:])
    cut = kind % (len(body) + 1)
    whole = _read(body, is_signed=is_signed)
    assert whole == _read(body[:cut], body[cut:], is_signed=is_signed), body
    assert whole == _read(*(body[n : n + 1] for n in range(len(body))), is_signed=is_signed), body
    if is_signed and whole is not None:
        assert whole == (PAYLOAD, TRAILERS), body


def _read(*pieces: bytes, is_signed: bool) -> tuple[bytes, dict[str, str]] | None:
    decoder = ChunkedDecoder(len(PAYLOAD), TRAILERS, verifier() if is_signed else None)
    try:
        return decoded(decoder, *pieces), decoder.trailers
    except ChunkedError:
        return None
