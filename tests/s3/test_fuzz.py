"""Whatever a request is, the server is never to blame: no 500, and an answer in XML."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from s3gw.wire.subresources import SUBRESOURCES
from tests.s3.gateway import BOB, Gateway, error_of
from tests.s3.test_refusals import MALFORMED

BUCKET = "fuzzed"
METHODS = st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE"])
_PARAMETERS = """
    prefix delimiter marker max-keys start-after continuation-token fetch-owner encoding-type
    key-marker version-id-marker upload-id-marker max-uploads max-parts part-number-marker
    versionId response-content-type response-expires x-id max-buckets bucket-region
"""
NAMES = st.sampled_from(sorted(SUBRESOURCES) + _PARAMETERS.split())
_ODD = "0 1 -1 2 10000 2147483648 x null %00 %ff %E2%80 true url / %2F .. %0D%0A 🦀 ²"
VALUES = st.sampled_from(["", "9" * 400, *_ODD.split()]) | st.text(max_size=20).map(
    lambda text: quote(text, errors="replace")
)
QUERIES = st.lists(st.tuples(NAMES, VALUES | st.none()), max_size=4).map(
    lambda pairs: "&".join(name if value is None else f"{name}={value}" for name, value in pairs)
)
PATHS = (
    st.sampled_from(["/", "", f"/{BUCKET}", f"/{BUCKET}/", f"/{BUCKET}/k", f"/s3/{BUCKET}/k"])
    | st.text(max_size=30).map(lambda text: f"/{BUCKET}/" + quote(text, errors="replace"))
    | st.text(max_size=30).map(lambda text: "/" + quote(text, safe="/", errors="replace"))
)
_HEADERS = """
    range if-match if-none-match if-modified-since if-unmodified-since content-md5 content-type
    content-encoding content-length expires x-amz-copy-source x-amz-copy-source-range
    x-amz-copy-source-if-match x-amz-copy-source-if-modified-since x-amz-metadata-directive
    x-amz-grant-read x-amz-grant-full-control x-amz-object-ownership
    x-amz-tagging x-amz-tagging-directive x-amz-storage-class x-amz-acl x-amz-checksum-crc32
    x-amz-checksum-sha256 x-amz-checksum-algorithm x-amz-checksum-type x-amz-checksum-mode
    x-amz-sdk-checksum-algorithm x-amz-trailer x-amz-mp-object-size x-amz-object-attributes
    x-amz-max-parts x-amz-part-number-marker x-amz-expected-bucket-owner x-amz-meta-a
    x-amz-decoded-content-length transfer-encoding x-amz-website-redirect-location
"""
_TEXTS = """
    * 0 -1 bytes=0-1 bytes=5- bytes=-3 bytes=- bytes=9-1 REPLACE COPY AAAA AAAAAA== W/ CRC32 SHA256
    COMPOSITE FULL_OBJECT ENABLED a=b&c %ff ETag,Nonsense aws-chunked GLACIER private public-read
    bucket-owner-full-control id=x uri= emailAddress="x" BucketOwnerEnforced ObjectWriter
"""
_LINES = [
    "",
    "9" * 400,
    f"{BUCKET}/k",
    f"/{BUCKET}/k?versionId=null",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Thu, 99 Jan 9999 99:99:99 GMT",
    "Mon, 1 Jan 0001 0:0:0 -0000",
    "Fri, 31 Dec 9999 23:59:59 -2359",
]
_LATIN = st.characters(min_codepoint=32, max_codepoint=0xFF, exclude_characters="\x7f")
HEADERS = st.dictionaries(
    st.sampled_from(_HEADERS.split()),
    st.sampled_from([*_LINES, *_TEXTS.split()]) | st.text(_LATIN, max_size=20),
    max_size=4,
)
PARTS = (
    b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>"
    b"</CompleteMultipartUpload>"
)
TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
ACL = b"<AccessControlPolicy><Owner><ID>x</ID></Owner><AccessControlList/></AccessControlPolicy>"
POLICY = b'{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}'
BODIES = st.sampled_from(
    [*MALFORMED, ACL, POLICY, PARTS, PARTS.replace(b"1", b"9" * 30), TAGS]
) | st.binary(max_size=100)
ACCOUNTS = st.sampled_from(["alice", "alice", "alice", "bob", "nobody"])


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(METHODS, PATHS, QUERIES, HEADERS, BODIES, ACCOUNTS)
@example("GET", f"/{BUCKET}/k", "partNumber=2&versionId=null", {}, b"", "alice")
@example("PUT", f"/{BUCKET}", "", {}, b"<CreateBucketConfiguration/>", "bob")
def test_no_request_is_answered_with_a_server_error(
    gateway: Gateway,
    method: str,
    path: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
    account: str,
) -> None:
    gateway.send("PUT", f"/{BUCKET}")
    gateway.send("PUT", f"/{BUCKET}/k", body=b"0123456789")
    signer: Any = {"bob": {"account": BOB}, "nobody": {"account": None}}.get(account, {})
    target = (path or "/") + (f"?{query}" if query else "")
    answer = gateway.send(method, target, headers, body, **signer)
    assert answer.status not in (500, 0)
    if answer.status >= 400 and method != "HEAD":
        error = error_of(answer)
        assert error["Code"] != "InternalError"
        assert error["RequestId"] == answer.headers["x-amz-request-id"]
