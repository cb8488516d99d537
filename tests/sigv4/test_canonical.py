"""The canonical request: one spelling, and the bytes as they were sent."""

from __future__ import annotations

import string
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from s3gw.config.limits import DEFAULT_LIMITS
from s3gw.http.request import Addressing, read_request
from s3gw.sigv4.canonical import (
    MAX_SIGNED_HEADERS_CHARS,
    canonical_path,
    canonical_query,
    canonical_request,
    canonical_requests,
    parse_signed_headers,
    unsigned_headers,
)
from s3gw.sigv4.errors import AuthorizationMalformed
from s3gw.sigv4.scope import parse_credential, signing_key
from s3gw.wire.errors import S3Error
from tests.sigv4.sending import call_for

raw_paths = st.one_of(
    st.binary(max_size=30),
    st.lists(st.sampled_from([b"/", b"%", b"%2F", b"%41", b"%7e", b"a", b"(", b"."])).map(b"".join),
)


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        (b"", "/"),
        (b"/a//b/../.", "/a//b/../."),
        (b"/a%2Fb%2fc%252F", "/a/b/c%252F"),
        (b"/~%7e%7E", "/~~~"),
        (b"/%28(!)*'", "/%28%28%21%29%2A%27"),
        (b"/a+b c", "/a%2Bb%20c"),
        (b"/\xc3\xa4%C3%A4", "/%C3%A4%C3%A4"),
        (b"/100%/%zz%4", "/100%25/%25zz%254"),
    ],
)
def test_a_path_has_one_spelling(sent: bytes, signed: str) -> None:
    assert canonical_path(sent) == signed


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        ("/b/a/%2Fb", ["/b/a//b", "/b/a/%2Fb"]),
        ("/b/%2f%2Fa%20", ["/b///a%20", "/b/%2F%2Fa%20"]),
        ("/b/a//b", ["/b/a//b"]),
        ("/b/a%252Fb", ["/b/a%252Fb"]),
        ("/b/%2Fa%252Fb", ["/b//a%252Fb", "/b/%2Fa%252Fb"]),
    ],
)
def test_only_an_escaped_slash_may_be_signed_in_two_spellings(sent: str, signed: list[str]) -> None:
    """The SDKs for Java send `//` as `/%2F`, and sign it as it is."""
    requests = canonical_requests(call_for("GET", sent), parse_signed_headers("host"), "hash")
    assert [request.split("\n")[1] for request in requests] == signed


@given(raw_paths, st.sampled_from(["", "bucket"]))
def test_both_spellings_name_the_same_object(path: bytes, host_bucket: str) -> None:
    """A signature of one must not be a signature of something else."""
    found = named_by(b"/" + path, host_bucket)
    assert found in (None, named_by(canonical_path(b"/" + path).encode(), host_bucket))


def named_by(path: bytes, host_bucket: str) -> tuple[str, str] | None:
    """The bucket and key, or nothing where they are refused."""
    host = [(b"host", f"{host_bucket}.s3.test".encode())] if host_bucket else []
    scope = {"method": "GET", "raw_path": path, "query_string": b"", "headers": host}
    addressing = Addressing(domains=("s3.test",))
    try:
        request = read_request(scope, no_body, "request", addressing, DEFAULT_LIMITS)
    except S3Error:
        return None
    return request.bucket, request.key


async def no_body() -> Message:
    return {"type": "http.request"}


@given(raw_paths)
def test_the_fast_spelling_is_the_slow_one(raw: bytes) -> None:
    assert canonical_path(raw) == (quote(unquote_to_bytes(raw), safe="/-_.~") or "/")


@given(raw_paths)
def test_spelling_twice_changes_nothing(raw: bytes) -> None:
    once = canonical_path(raw)
    assert canonical_path(once.encode()) == once


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        (b"", ""),
        (b"uploads", "uploads="),
        (b"uploads=", "uploads="),
        (b"b=2&a=1", "a=1&b=2"),
        (b"a=2&a=1&a", "a=&a=1&a=2"),
        (b"a-b=1&a=2", "a=2&a-b=1"),
        (b"prefix=a+b%20c/d", "prefix=a%20b%20c%2Fd"),
        (b"a=b=c", "a=b%3Dc"),
        (b"&a=1&&b=2&", "a=1&b=2"),
        (b"b=1&X-Amz-Signature=f00&a=2", "a=2&b=1"),
        (b"%61=%e4", "a=%E4"),
    ],
)
def test_a_query_is_sorted_and_has_one_spelling(sent: bytes, signed: str) -> None:
    assert canonical_query(sent) == signed


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        ("  a  b \t c ", "a b c"),
        ("a,b", "a,b"),
        ("\u00c3\u00a0  b", "\u00c3\u00a0 b"),
        ("\u00c3\u0085", "\u00c3\u0085"),
    ],
)
def test_header_values_fold_ascii_spaces_only(sent: str, signed: str) -> None:
    call = call_for("GET", "/", {"host": "h", "x-amz-meta-a": sent})
    text = canonical_request(call, parse_signed_headers("host;x-amz-meta-a"), "hash")
    assert text == f"GET\n/\n\nhost:h\nx-amz-meta-a:{signed}\n\nhost;x-amz-meta-a\nhash"


def test_a_signed_header_that_did_not_come_is_empty() -> None:
    text = canonical_request(call_for("GET", "/"), parse_signed_headers("Range"), "hash")
    assert text == "GET\n/\n\nrange:\n\nrange\nhash"


def test_host_and_all_amz_headers_must_be_signed() -> None:
    headers = {"x-amz-date": "", "x-amz-acl": "", "range": "", "x-amzn-trace-id": ""}
    assert unsigned_headers(headers, parse_signed_headers("x-amz-date")) == ["host", "x-amz-acl"]
    assert unsigned_headers(headers, parse_signed_headers("host;x-amz-acl;x-amz-date")) == []


@pytest.mark.parametrize("text", ["", "h\u00e4", "h" * (MAX_SIGNED_HEADERS_CHARS + 1)])
def test_signed_headers_are_ascii_and_bounded(text: str) -> None:
    with pytest.raises(AuthorizationMalformed):
        parse_signed_headers(text)
    assert parse_signed_headers("h" * MAX_SIGNED_HEADERS_CHARS).names


@given(st.lists(st.text(string.ascii_lowercase + "-", min_size=1), min_size=1))
def test_signed_headers_have_one_order(names: list[str]) -> None:
    assert parse_signed_headers(";".join(names)) == parse_signed_headers(";".join(names[::-1]))


def test_what_is_remembered_is_bounded() -> None:
    for cached in (parse_signed_headers, parse_credential, signing_key):
        assert (cached.cache_info().maxsize or 0) in range(1, 10_000)
