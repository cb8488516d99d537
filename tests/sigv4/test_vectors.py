"""The worked examples of AWS' documentation, to the last digit.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
"""

from __future__ import annotations

import hashlib

import pytest

from s3gw.sigv4.chunked import ChunkedDecoder
from s3gw.sigv4.scope import EMPTY_SHA256
from tests.sigv4.chunks import decoded, signed_wire, unsigned_wire, verifier
from tests.sigv4.sending import (
    ACCESS_KEY,
    SCOPE,
    TIMESTAMP,
    authenticate,
    call_for,
    drained,
)

HOST = "examplebucket.s3.amazonaws.com"
PUT_SHA256 = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
CHUNKS = (b"a" * 65536, b"a" * 1024)

EXAMPLES = {
    "GET with a range": (
        "GET",
        "/test.txt",
        {"range": "bytes=0-9", "x-amz-content-sha256": EMPTY_SHA256},
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "PUT with a storage class": (
        "PUT",
        "/test$file.text",
        {
            "date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-content-sha256": PUT_SHA256,
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
        },
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "GET lifecycle": (
        "GET",
        "/?lifecycle",
        {"x-amz-content-sha256": EMPTY_SHA256},
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "GET list": (
        "GET",
        "/?max-keys=2&prefix=J",
        {"x-amz-content-sha256": EMPTY_SHA256},
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_header_signature_verifies(example: str) -> None:
    method, target, headers, signature = EXAMPLES[example]
    sent = {"host": HOST, "x-amz-date": TIMESTAMP, **headers}
    sent["authorization"] = _authorization(sent, signature)
    assert authenticate(call_for(method, target, sent)).access_key == ACCESS_KEY


def test_the_presigned_url_verifies() -> None:
    target = (
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE"
        "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z"
        "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    assert authenticate(call_for("GET", target, {"host": HOST})).access_key == ACCESS_KEY


def test_a_chunked_upload_verifies_from_its_seed_to_its_last_chunk() -> None:
    wire = _signed_chunks(
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    )
    wire += b"\r\n"
    assert len(wire) == 66824
    headers = _upload_headers("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    headers["content-length"] = "66824"
    headers["authorization"] = _authorization(
        headers, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    )
    call = call_for("PUT", "/examplebucket/chunkObject.txt", headers, wire)
    authenticate(call)
    assert call.decoded_length == 66560
    assert drained(call) == b"a" * 66560


def test_a_chunked_upload_with_a_trailer_verifies_to_its_trailer() -> None:
    wire = _signed_chunks(
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    )
    wire += (
        b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"
        b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    )
    headers = _upload_headers("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
    headers["x-amz-trailer"] = "x-amz-checksum-crc32c"
    headers["authorization"] = _authorization(headers, TRAILER_SEED)
    call = call_for("PUT", "/examplebucket/chunkObject.txt", headers, wire)
    authenticate(call)
    assert drained(call) == b"a" * 66560
    assert call.trailers == {"x-amz-checksum-crc32c": "sOO8/Q=="}


def test_the_encoder_of_these_tests_writes_the_same_uploads() -> None:
    assert hashlib.sha256(signed_wire(CHUNKS, {})).digest() == (
        hashlib.sha256(
            _signed_chunks(
                "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
                "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
            )
            + b"\r\n"
        ).digest()
    )
    trailed = signed_wire(CHUNKS, {"x-amz-checksum-crc32c": "sOO8/Q=="}, seed=TRAILER_SEED)
    assert b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435" in trailed


def test_the_body_that_boto3_sends_over_https_decodes() -> None:
    wire = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    assert wire == unsigned_wire([b"hello"], {"x-amz-checksum-crc32": "NhCmhg=="})
    decoder = ChunkedDecoder(5, ["x-amz-checksum-crc32"])
    assert decoded(decoder, wire) == b"hello"
    assert decoder.trailers == {"x-amz-checksum-crc32": "NhCmhg=="}


def test_the_signed_trailers_of_minio_go_verify() -> None:
    """It writes `name:value LF`, and a CRLF only before the signature."""
    wire = signed_wire(CHUNKS, {"x-amz-checksum-crc32c": "sOO8/Q=="}, seed=TRAILER_SEED)
    wire = wire.replace(b"sOO8/Q==\r\n", b"sOO8/Q==\n\r\n")
    decoder = ChunkedDecoder(66560, ["x-amz-checksum-crc32c"], verifier(TRAILER_SEED))
    assert decoded(decoder, wire) == b"".join(CHUNKS)


def test_the_unsigned_trailers_of_minio_go_decode() -> None:
    wire = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\n\r\n\r\n"
    assert decoded(ChunkedDecoder(5, ["x-amz-checksum-crc32"]), wire) == b"hello"


def test_the_presigned_get_of_version_2_verifies() -> None:
    target = (
        "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE"
        "&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"
    )
    call = call_for("GET", target, {"host": "x"}, host_bucket="johnsmith")
    assert authenticate(call, now_s=1175139619).access_key == ACCESS_KEY


def _authorization(headers: dict[str, str], signature: str) -> str:
    names = ";".join(sorted(headers))
    return (
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{SCOPE},SignedHeaders={names},"
        f"Signature={signature}"
    )


def _upload_headers(payload: str) -> dict[str, str]:
    return {
        "host": "s3.amazonaws.com",
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": payload,
        "x-amz-date": TIMESTAMP,
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }


def _signed_chunks(first: str, second: str, last: str) -> bytes:
    return (
        f"10000;chunk-signature={first}\r\n{'a' * 65536}\r\n"
        f"400;chunk-signature={second}\r\n{'a' * 1024}\r\n"
        f"0;chunk-signature={last}\r\n"
    ).encode()
