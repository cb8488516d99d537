"""What a request says of itself: bucket and key, query, headers; and where a copy comes from."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.config.limits import DEFAULT_LIMITS
from s3gw.http.request import Addressing, Level, Request, read_headers, read_query, read_request
from s3gw.s3.copy_source import CopySource, read_copy_source
from s3gw.s3.key_encoding import key_encoding
from s3gw.wire.errors import Code, S3Error

KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


async def receive() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


def call_for(
    target: str, host: str = "127.0.0.1:80", addressing: Addressing | None = None
) -> Request:
    path, _, query = target.partition("?")
    scope = {
        "method": "GET",
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", host.encode())],
    }
    return read_request(scope, receive, "id", addressing or Addressing(), DEFAULT_LIMITS)


TARGETS = [
    ("/", "", "", Level.SERVICE),
    ("/s3", "", "", Level.SERVICE),
    ("/s3/", "", "", Level.SERVICE),
    ("/b", "b", "", Level.BUCKET),
    ("/b/", "b", "", Level.BUCKET),
    ("/s3/b/", "b", "", Level.BUCKET),
    ("/b/k", "b", "k", Level.OBJECT),
    ("/s3/b/k", "b", "k", Level.OBJECT),
    ("/b//", "b", "/", Level.OBJECT),
    ("/b//k", "b", "/k", Level.OBJECT),
    ("/b/./../k", "b", "./../k", Level.OBJECT),
    ("/b/a%2Fb%2f", "b", "a/b/", Level.OBJECT),
    ("/b/%2e%2e/%00", "b", "../\x00", Level.OBJECT),
    ("/b/a+b%20c", "b", "a+b c", Level.OBJECT),
    ("/b/s3/k", "b", "s3/k", Level.OBJECT),
    ("/s3x/k", "s3x", "k", Level.OBJECT),
    ("//k", "", "k", Level.OBJECT),
    ("http://host:80/b/k", "b", "k", Level.OBJECT),
    ("http://host", "", "", Level.SERVICE),
    ("https://host/s3/b//k", "b", "/k", Level.OBJECT),
]


@pytest.mark.parametrize(("target", "bucket", "key", "level"), TARGETS)
def test_a_path_is_cut_where_its_bucket_ends(
    target: str, bucket: str, key: str, level: Level
) -> None:
    call = call_for(target)
    assert (call.bucket, call.key, call.level) == (bucket, key, level)


@given(KEYS)
def test_every_key_survives_the_path(key: str) -> None:
    assert call_for(f"/b/{quote(key, safe='')}").key == key
    assert call_for(f"/s3/b/{quote(key)}").key == key


HOSTED = Addressing(domains=("s3.example.com", "localhost"))


@pytest.mark.parametrize(
    ("host", "bucket", "key"),
    [
        ("my.bucket.s3.example.com", "my.bucket", "b/k"),
        ("bucket.s3.example.com:9000", "bucket", "b/k"),
        ("bucket.localhost", "bucket", "b/k"),
        ("Bucket.S3.Example.COM", "bucket", "b/k"),
        ("s3.example.com", "b", "k"),
        ("s3.example.com:9000", "b", "k"),
        ("other.example.com", "b", "k"),
        ("127.0.0.1:9000", "b", "k"),
        ("[::1]:9000", "b", "k"),
        ("", "b", "k"),
    ],
)
def test_a_bucket_stands_before_the_domain_or_in_the_path(host: str, bucket: str, key: str) -> None:
    call = call_for("/b/k", host, HOSTED)
    assert (call.bucket, call.key) == (bucket, key)


@pytest.mark.parametrize("domains", [("s3.x.io", "x.io"), ("x.io", "s3.x.io")])
@pytest.mark.parametrize(
    ("host", "bucket"), [("s3.x.io", "b"), ("x.io", "b"), ("a.s3.x.io", "a"), ("a.x.io", "a")]
)
def test_the_longest_domain_decides(domains: tuple[str, ...], host: str, bucket: str) -> None:
    assert call_for("/b/k", host, Addressing(domains=domains)).bucket == bucket


def test_a_key_below_s3_is_no_mount_when_the_bucket_is_in_the_host() -> None:
    assert call_for("/s3/k", "bucket.localhost", HOSTED).key == "s3/k"


@pytest.mark.parametrize("target", ["/", "/b", "/s3x"])
def test_without_root_access_only_s3_answers(target: str) -> None:
    below = Addressing(root_access=False)
    assert call_for("/s3/b/k", addressing=below).key == "k"
    with pytest.raises(S3Error) as error:
        call_for(target, addressing=below)
    assert error.value.code is Code.InvalidURI


@pytest.mark.parametrize(("key", "fits"), [("k" * 1024, True), ("k" * 1025, False),
                                           ("ü" * 512, True), ("ü" * 513, False)])  # fmt: skip
def test_a_key_has_at_most_1024_bytes(key: str, fits: bool) -> None:
    if fits:
        assert call_for(f"/b/{quote(key)}").key == key
        return
    with pytest.raises(S3Error) as error:
        call_for(f"/b/{quote(key)}")
    assert error.value.code is Code.KeyTooLongError


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), KEYS, max_size=5))
def test_a_query_is_read_as_it_is_written(query: dict[str, str]) -> None:
    text = "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in query.items())
    assert read_query(text.encode()) == query


def test_a_query_without_values_has_empty_ones() -> None:
    assert read_query(b"acl&uploads=&&x=a=b+c") == {"acl": "", "uploads": "", "x": "a=b c"}


def test_repeated_headers_are_joined() -> None:
    raw = [(b"X-Amz-Meta-A", b"1"), (b"x-amz-meta-a", b"2"), (b"Range", b"\xff")]
    assert read_headers(raw) == {"x-amz-meta-a": "1,2", "range": "\xff"}


@pytest.mark.parametrize("length", ["", "x", "-1", "1 ", "²", "9" * 5000, "5,5"])
def test_a_length_that_is_none_is_not_known(length: str) -> None:
    scope = {
        "method": "PUT",
        "raw_path": b"/b/k",
        "query_string": b"",
        "headers": [(b"content-length", length.encode())],
    }
    call = read_request(scope, receive, "id", Addressing(), DEFAULT_LIMITS)
    assert call.decoded_length is None


@given(st.from_regex(r"[a-z0-9.-]{3,20}", fullmatch=True), KEYS, st.sampled_from(["", "/"]))
def test_a_copy_source_is_read_as_it_is_written(bucket: str, key: str, slash: str) -> None:
    for safe in ("", "/"):
        text = f"{slash}{bucket}/{quote(key, safe=safe)}"
        assert read_copy_source(text) == CopySource(bucket, key)
        version = "0123456789abcdef" * 2
        assert read_copy_source(f"{text}?versionId={version}") == CopySource(bucket, key, version)
        url = f"https://s3.example.com/{text.removeprefix('/')}"
        assert read_copy_source(url) == CopySource(bucket, key)


def test_a_copy_source_may_be_written_plainly() -> None:
    assert read_copy_source("b/a b?c&ü".encode().decode("latin-1")) == CopySource("b", "a b?c&ü")


def test_a_copy_source_with_an_empty_version_is_refused() -> None:
    with pytest.raises(S3Error) as error:
        read_copy_source("b/k?versionId=")
    assert error.value.code is Code.InvalidArgument


@given(st.text(st.characters(max_codepoint=0xFF)))
def test_any_copy_source_is_read_or_refused(text: str) -> None:
    source = CopySource("bucket", "key")
    with suppress(S3Error):
        source = read_copy_source(text)
    assert source.bucket
    assert source.key


@given(KEYS)
def test_an_encoded_key_is_plain_ascii_and_comes_back(key: str) -> None:
    encoded = key_encoding("url")(key)
    assert encoded.isascii()
    assert encoded.isprintable()
    assert unquote_plus(encoded) == key
    assert key_encoding(None)(key) == key
