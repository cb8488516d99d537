"""What authentication does to the body: aws-chunked in all its kinds, and what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest

from s3gw.auth import AuthOptions
from s3gw.http.request import Request
from s3gw.wire.errors import Code, S3Error
from tests.sigv4.chunks import signed_wire, unsigned_wire
from tests.sigv4.sending import authenticate, call_for, drained, presigned_target, signed_headers
from tests.storage.fake_clock import FakeClock

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
TRAILERS = {"x-amz-checksum-crc32": "NhCmhg=="}
ANNOUNCED = {"x-amz-decoded-content-length": "5", "x-amz-trailer": "x-amz-checksum-crc32"}
NO_AUTH = AuthOptions(no_auth=True, clock=FakeClock())


def put(payload: str, more: Mapping[str, str], wire: bytes | None = None) -> Request:
    """A PUT of `hello` in the given framing, or of another wire."""
    headers = signed_headers("PUT", "/bucket/key", more, payload)
    if wire is None:
        seed = headers["authorization"][-64:]
        wire = {
            SIGNED: signed_wire([b"hel", b"lo"], {}, seed=seed),
            SIGNED_TRAILER: signed_wire([b"hel", b"lo"], TRAILERS, seed=seed),
            UNSIGNED_TRAILER: unsigned_wire([b"hel", b"lo"], TRAILERS),
        }.get(payload, b"hello")
    return call_for("PUT", "/bucket/key", headers, wire[:7], wire[7:])


def refusal(call: Request, options: AuthOptions | None = None) -> S3Error:
    with pytest.raises(S3Error) as caught:
        received(call, options)
    return caught.value


def received(call: Request, options: AuthOptions | None = None) -> bytes:
    authenticate(call, options)
    return drained(call)


@pytest.mark.parametrize("options", [None, NO_AUTH])
@pytest.mark.parametrize("payload", [SIGNED_TRAILER, UNSIGNED_TRAILER])
def test_a_chunked_body_is_decoded_with_its_trailers(
    payload: str, options: AuthOptions | None
) -> None:
    call = put(payload, ANNOUNCED)
    authenticate(call, options)
    assert call.decoded_length == 5
    assert not call.trailers
    assert drained(call) == b"hello"
    assert call.trailers == TRAILERS
    assert call.content_sha256 is None


@pytest.mark.parametrize("options", [None, NO_AUTH])
def test_a_body_of_signed_chunks_is_decoded(options: AuthOptions | None) -> None:
    call = put(SIGNED, {"x-amz-decoded-content-length": "5"})
    authenticate(call, options)
    assert drained(call) == b"hello"


def test_an_unsigned_payload_is_left_alone() -> None:
    call = put("UNSIGNED-PAYLOAD", {"content-encoding": "gzip"})
    authenticate(call)
    assert drained(call) == b"hello"
    assert call.content_sha256 is None


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n", Code.IncompleteBody),
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n!", Code.IncompleteBody),
        (b"4\r\nhell\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", Code.IncompleteBody),
        (b"x\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", Code.IncompleteBody),
        (b"", Code.IncompleteBody),
    ],
)
@pytest.mark.parametrize("options", [None, NO_AUTH])
def test_broken_framing_is_an_incomplete_body(
    wire: bytes, code: Code, options: AuthOptions | None
) -> None:
    assert refusal(put(UNSIGNED_TRAILER, ANNOUNCED, wire), options).code is code


def test_trailers_other_than_announced_are_refused() -> None:
    error = refusal(put(UNSIGNED_TRAILER, ANNOUNCED, b"5\r\nhello\r\n0\r\n\r\n"))
    assert error.code.status == 400
    assert "trailing data" in error.message


@pytest.mark.parametrize("payload", [SIGNED, SIGNED_TRAILER])
def test_a_chunk_signature_of_another_chain_does_not_match(payload: str) -> None:
    more = ANNOUNCED if payload == SIGNED_TRAILER else {"x-amz-decoded-content-length": "5"}
    trailers = TRAILERS if payload == SIGNED_TRAILER else {}
    call = put(payload, more, signed_wire([b"hello"], trailers, seed="0" * 64))
    assert refusal(call).code is Code.SignatureDoesNotMatch


def test_a_chunked_body_needs_its_decoded_length() -> None:
    assert refusal(put(UNSIGNED_TRAILER, {})).code is Code.MissingContentLength
    for text in ("-1", "five", ""):
        call = put(UNSIGNED_TRAILER, {"x-amz-decoded-content-length": text})
        assert refusal(call).code is Code.InvalidArgument


FRAMED = b"5;chunk-signature=0\r\nhello\r\n0;chunk-signature=0\r\n\r\n"
DIGEST = hashlib.sha256(FRAMED).hexdigest()
CHUNKED = {"content-encoding": "gzip, aws-chunked"}
LENGTH = {"x-amz-decoded-content-length": "5"}


@pytest.mark.parametrize("options", [None, NO_AUTH])
@pytest.mark.parametrize("payload", ["UNSIGNED-PAYLOAD", DIGEST])
@pytest.mark.parametrize("declared", [CHUNKED, LENGTH, CHUNKED | LENGTH])
def test_framing_that_is_denied_elsewhere_is_not_stored(
    payload: str, declared: dict[str, str], options: AuthOptions | None
) -> None:
    call = put(payload, {**declared, "content-length": str(len(FRAMED))}, FRAMED)
    assert refusal(call, options).code is Code.InvalidArgument


@pytest.mark.parametrize("declared", [CHUNKED, LENGTH])
def test_half_of_a_declaration_is_not_enough(declared: dict[str, str]) -> None:
    headers = {**declared, "content-length": str(len(FRAMED))}
    assert refusal(call_for("PUT", "/bucket/key", headers, FRAMED)).code is Code.InvalidArgument


def test_a_body_may_have_its_own_length_as_the_decoded_one() -> None:
    call = put("UNSIGNED-PAYLOAD", {**LENGTH, "content-length": "5"}, b"hello")
    assert received(call) == b"hello"


def test_a_body_with_a_signed_hash_may_call_itself_chunked() -> None:
    digest = hashlib.sha256(b"hello\r\nworld").hexdigest()
    assert received(put(digest, CHUNKED, b"hello\r\nworld")) == b"hello\r\nworld"


def test_an_anonymous_chunked_body_is_decoded() -> None:
    headers = {**ANNOUNCED, "content-encoding": "aws-chunked"}
    wire = unsigned_wire([b"hello"], TRAILERS)
    for more in ({}, {"x-amz-content-sha256": UNSIGNED_TRAILER}):
        call = call_for("PUT", "/bucket/key", {**headers, **more}, wire)
        assert authenticate(call).is_anonymous
        assert drained(call) == b"hello"


def test_signed_chunks_need_a_signed_head() -> None:
    call = call_for("PUT", "/bucket/key", {"x-amz-content-sha256": SIGNED})
    assert refusal(call).code is Code.InvalidRequest


def test_the_elliptic_words_are_not_implemented() -> None:
    call = put("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", {})
    assert refusal(call).code is Code.NotImplemented


def test_a_presigned_url_may_name_its_payload() -> None:
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    for payload, expected in ((digest, digest), ("UNSIGNED-PAYLOAD", None)):
        call = call_for("GET", presigned_target("/b/k", **{"Content-Sha256": payload}))
        assert authenticate(call).is_root
        assert call.content_sha256 == expected
