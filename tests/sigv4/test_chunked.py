"""The aws-chunked decoder, by properties: any split, any truncation, any change."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.sigv4.chunked import MAX_LINE, MAX_PIECE, MAX_TRAILERS, ChunkedDecoder
from s3gw.sigv4.errors import Broken, ChunkedError
from tests.sigv4.chunks import decoded, signed_wire, unsigned_wire, verifier

TRAILERS = {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-meta-more": "1"}
chunk_lists = st.lists(st.binary(max_size=40), max_size=6)


def unsigned(chunks: list[bytes]) -> tuple[bytes, ChunkedDecoder]:
    size = sum(map(len, chunks))
    return unsigned_wire(chunks, TRAILERS), ChunkedDecoder(size, TRAILERS)


def signed(chunks: list[bytes]) -> tuple[bytes, ChunkedDecoder]:
    size = sum(map(len, chunks))
    return signed_wire(chunks, TRAILERS), ChunkedDecoder(size, TRAILERS, verifier())


def signed_without_trailers(chunks: list[bytes]) -> tuple[bytes, ChunkedDecoder]:
    return signed_wire(chunks, {}), ChunkedDecoder(sum(map(len, chunks)), (), verifier())


Kind = Callable[[list[bytes]], tuple[bytes, ChunkedDecoder]]
KINDS: tuple[Kind, ...] = (unsigned, signed, signed_without_trailers)


def refusal(decoder: ChunkedDecoder, *pieces: bytes) -> Broken:
    with pytest.raises(ChunkedError) as caught:
        decoded(decoder, *pieces)
    return caught.value.reason


@pytest.mark.parametrize("kind", KINDS)
@given(chunks=chunk_lists, cuts=st.lists(st.integers(0, 1000), max_size=8))
def test_any_split_of_the_wire_gives_the_same_payload(
    kind: Kind, chunks: list[bytes], cuts: list[int]
) -> None:
    wire, decoder = kind(chunks)
    ends = sorted(min(cut, len(wire)) for cut in cuts)
    pieces = [wire[a:b] for a, b in zip([0, *ends], [*ends, len(wire)], strict=True)]
    assert decoded(decoder, *pieces) == b"".join(chunks)
    assert decoder.trailers == ({} if kind is signed_without_trailers else TRAILERS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wire_of_single_bytes_gives_the_same_payload(kind: Kind) -> None:
    wire, decoder = kind([b"hello", b"\r\n", b"0\r\n\r\n"])
    assert decoded(decoder, *[bytes([byte]) for byte in wire]) == b"hello\r\n0\r\n\r\n"


@pytest.mark.parametrize("kind", KINDS)
@given(chunks=chunk_lists, data=st.data())
def test_any_truncation_is_an_error(kind: Kind, chunks: list[bytes], data: st.DataObject) -> None:
    wire, decoder = kind(chunks)
    cut = data.draw(st.integers(0, len(wire) - 1))
    assert refusal(decoder, wire[:cut]) is Broken.TRUNCATED


@pytest.mark.parametrize("kind", KINDS)
@given(chunks=chunk_lists, more=st.binary(min_size=1, max_size=9), split=st.booleans())
def test_bytes_after_the_end_are_an_error(
    kind: Kind, chunks: list[bytes], more: bytes, split: bool
) -> None:
    wire, decoder = kind(chunks)
    pieces = [wire, more] if split else [wire + more]
    assert refusal(decoder, *pieces) is Broken.FRAMING


@pytest.mark.parametrize("kind", [signed, signed_without_trailers])
@given(chunks=chunk_lists, data=st.data())
def test_no_changed_byte_changes_a_signed_upload_unnoticed(
    kind: Kind, chunks: list[bytes], data: st.DataObject
) -> None:
    wire, decoder = kind(chunks)
    place = data.draw(st.integers(0, len(wire) - 1))
    changed = bytearray(wire)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        payload = decoded(decoder, bytes(changed))
    except ChunkedError:
        return
    # All that nobody signs: the case of a hex size or of a trailer's name, spaces around a trailer.
    assert b"".join(changed.lower().split()) == b"".join(wire.lower().split())
    assert payload == b"".join(chunks)
    assert decoder.trailers == ({} if kind is signed_without_trailers else TRAILERS)


@pytest.mark.parametrize("places", [(0, 1), (1, 2)])
def test_signed_chunks_in_another_order_are_an_error(places: tuple[int, int]) -> None:
    wire = signed_wire([b"aaaa", b"bbbb", b"cccc"], {})
    parts = [wire[90 * n : 90 * (n + 1)] for n in range(3)]
    first, second = places
    parts[first], parts[second] = parts[second], parts[first]
    decoder = ChunkedDecoder(12, (), verifier())
    assert refusal(decoder, b"".join(parts) + wire[270:]) is Broken.SIGNATURE


def test_a_signed_upload_with_another_seed_is_an_error() -> None:
    decoder = ChunkedDecoder(5, (), verifier("0" * 64))
    assert refusal(decoder, signed_wire([b"hello"], {})) is Broken.SIGNATURE


def test_an_unsigned_chunk_in_a_signed_upload_is_an_error() -> None:
    decoder = ChunkedDecoder(5, (), verifier())
    assert refusal(decoder, unsigned_wire([b"hello"], {})) is Broken.SIGNATURE


def test_trailers_without_their_signature_are_an_error_in_a_signed_upload() -> None:
    wire = signed_wire([b"hello"], {}).removesuffix(b"\r\n") + b"a:b\r\n\r\n"
    assert refusal(ChunkedDecoder(5, ["a"], verifier()), wire) is Broken.SIGNATURE


def test_an_unsigned_decoder_reads_over_signatures() -> None:
    decoder = ChunkedDecoder(5, TRAILERS)
    assert decoded(decoder, signed_wire([b"hello"], TRAILERS)) == b"hello"
    assert decoder.trailers == TRAILERS


@pytest.mark.parametrize("length", [4, 6])
def test_a_payload_of_another_length_is_an_error(length: int) -> None:
    wire = unsigned_wire([b"hello"], {})
    assert refusal(ChunkedDecoder(length), wire) is Broken.LENGTH


@pytest.mark.parametrize(
    "size", [b"", b"-5", b"+5", b"0x5", b"5_0", b" 5", b"5 ", b"g", "\u0665".encode(), b"0" * 17]
)
def test_a_chunk_size_that_is_not_plain_hex_is_an_error(size: bytes) -> None:
    wire = size + b"\r\nhello\r\n0\r\n\r\n"
    assert refusal(ChunkedDecoder(5), wire) is Broken.FRAMING


@pytest.mark.parametrize("size", [b"a", b"A", b"0a", b"000000000000000A"])
def test_a_chunk_size_is_hex_in_either_case(size: bytes) -> None:
    assert decoded(ChunkedDecoder(10), size + b"\r\n0123456789\r\n0\r\n\r\n") == b"0123456789"


def test_a_payload_longer_than_its_chunk_is_an_error() -> None:
    assert refusal(ChunkedDecoder(9), b"5\r\nhello!\r\n0\r\n\r\n") is Broken.FRAMING


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("length", "accepted"), [(MAX_LINE, True), (MAX_LINE + 1, False)])
def test_a_line_has_a_longest_length(length: int, *, accepted: bool, whole: bool) -> None:
    line = b"1;" + b"x" * (length - 2)
    wire = line + b"\r\na\r\n0\r\n\r\n"
    pieces = [wire] if whole else [bytes([byte]) for byte in wire]
    if accepted:
        assert decoded(ChunkedDecoder(1), *pieces) == b"a"
    else:
        assert refusal(ChunkedDecoder(1), *pieces) is Broken.FRAMING


@pytest.mark.parametrize(("count", "accepted"), [(MAX_TRAILERS, True), (MAX_TRAILERS + 1, False)])
def test_there_is_a_greatest_number_of_trailers(count: int, *, accepted: bool) -> None:
    trailers = {f"t{n}": "v" for n in range(count)}
    decoder, wire = ChunkedDecoder(0, trailers), unsigned_wire([], trailers)
    if accepted:
        assert decoded(decoder, wire) == b""
    else:
        assert refusal(decoder, wire) is Broken.TRAILERS


@pytest.mark.parametrize(
    ("announced", "sent"),
    [
        (["a"], b""),
        ([], b"a:1\r\n"),
        (["a"], b"b:1\r\n"),
        (["a"], b"a:1\r\nb:2\r\n"),
        (["a"], b"a:1\r\na:2\r\n"),
        (["a"], b"a\r\n"),
        (["a"], b"a:1\r\n:\r\n"),
    ],
)
def test_trailers_other_than_announced_are_an_error(announced: list[str], sent: bytes) -> None:
    wire = b"0\r\n" + sent + b"\r\n"
    assert refusal(ChunkedDecoder(0, announced), wire) is Broken.TRAILERS


def test_a_trailer_name_has_no_case_and_its_value_no_outer_spaces() -> None:
    decoder = ChunkedDecoder(0, ["x-amz-checksum-crc32"])
    decoded(decoder, b"0\r\nX-Amz-Checksum-CRC32:  AAAAAA== \r\n\r\n")
    assert decoder.trailers == {"x-amz-checksum-crc32": "AAAAAA=="}


def test_a_piece_of_payload_alone_is_handed_on_without_a_copy() -> None:
    decoder = ChunkedDecoder(MAX_PIECE)
    assert list(decoder.feed(b"10000\r\n")) == []
    piece = bytes(MAX_PIECE)
    assert next(decoder.feed(piece)) is piece


def test_a_large_chunk_is_handed_out_in_small_pieces_as_it_comes() -> None:
    decoder = ChunkedDecoder(8 << 20)
    pieces = list(decoder.feed(b"800000\r\n" + bytes(5 << 20)))
    assert sum(map(len, pieces)) == 5 << 20
    assert max(map(len, pieces)) == MAX_PIECE
