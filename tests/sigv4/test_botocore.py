"""What botocore signs we verify, whatever the key, the query and the headers; and nothing else.

The wire is what botocore's own preparation makes of the request, so that its habits are in it:
spaces of the query as `+`, a path that is encoded once.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit

import pytest
from botocore.auth import BaseSigner, HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import get_session
from hypothesis import assume, given
from hypothesis import strategies as st

from s3gw.auth import AuthOptions
from s3gw.http.request import Request
from s3gw.identity.accounts import Principal
from s3gw.wire.errors import S3Error
from s3gw.wire.subresources import LEFT_OUT_BY_V2, SIGNED_BY_V2
from tests.sigv4.sending import ACCESS_KEY, SECRET, authenticate, call_for

CREDENTIALS = Credentials(ACCESS_KEY, SECRET)
VISIBLE = string.ascii_letters + string.digits + string.punctuation

keys = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["..", "a/../b", "./a", "/", "//", "a//b/", "%2F", "a%20b", "+ +", "~!*'()"]),
)
names = st.text(string.ascii_lowercase + "-_.", min_size=1, max_size=8)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
queries = st.dictionaries(names.map("q".__add__), texts, max_size=4)
values = st.text(VISIBLE + " \t", max_size=12)
headers = st.dictionaries(names.map("x-amz-meta-".__add__), values, max_size=4)
bytes_sent = st.sampled_from(sorted(set(VISIBLE.encode()) - set(b"#?")))
regions = st.sampled_from(["us-east-1", "eu-central-1", "auto", "US", ""])

Signer = Callable[[str], BaseSigner]


def by_header(region: str) -> BaseSigner:
    return S3SigV4Auth(CREDENTIALS, "s3", region)


def by_query(region: str) -> BaseSigner:
    return S3SigV4QueryAuth(CREDENTIALS, "s3", region, expires=604_800)


def by_v2_query(region: str) -> BaseSigner:
    return HmacV1QueryAuth(CREDENTIALS, expires=600)


SIGNERS = (by_header, by_query, by_v2_query)


def signed_call(
    signer: BaseSigner, path: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> Request:
    request = AWSRequest("GET", f"http://s3.example.com{path}", dict(headers), params=dict(query))
    if isinstance(signer, HmacV1QueryAuth):
        # botocore's client has put the parameters into the URL before it signs.
        request = AWSRequest("GET", request.prepare().url, dict(headers))
    signer.add_auth(request)
    return as_received(request, headers)


def as_received(request: Any, headers: Mapping[str, str]) -> Request:
    sent = {"user-agent": "tests", **headers, **dict(request.headers.items())}
    stripped = {name: value.strip(" \t") for name, value in sent.items()}
    return call_for(request.method, request.prepare().url, stripped)


def verified(call: Request) -> Principal:
    return authenticate(call, AuthOptions())


def meaning(call: Request) -> tuple[object, ...]:
    """What a request asks for, read by the standard library: equal meanings may sign equally."""
    query = parse_qsl(call.query_string.decode(), keep_blank_values=True)
    folded = {name: " ".join(value.split()) for name, value in call.headers.items()}
    return call.method, unquote_to_bytes(call.raw_path), sorted(query), folded


@pytest.mark.parametrize("signer", SIGNERS)
@given(key=keys, query=queries, headers=headers, region=regions)
def test_what_botocore_signs_verifies(
    signer: Signer, key: str, query: dict[str, str], headers: dict[str, str], region: str
) -> None:
    path = "/bucket/" + quote(key, safe="/~")
    call = signed_call(signer(region), path, query, headers)
    assert verified(call).access_key == ACCESS_KEY


@pytest.mark.parametrize("signer", SIGNERS)
@given(key=keys, headers=headers, where=st.tuples(*[st.integers(0, 9999)] * 2), byte=bytes_sent)
def test_any_changed_byte_fails(
    signer: Signer, key: str, headers: dict[str, str], where: tuple[int, int], byte: int
) -> None:
    path = "/bucket/" + quote(key, safe="/~")
    call = signed_call(signer("us-east-1"), path, {"versionId": "a b"}, headers)
    try:
        changed = _with_a_changed_byte(call, where, byte)
    except S3Error:
        return  # Refused as soon as it is read.
    assume(meaning(changed) != meaning(call))
    with pytest.raises(S3Error):
        verified(changed)


@given(subresource=st.sampled_from(sorted(SIGNED_BY_V2)))
def test_a_version_2_url_for_an_object_is_good_for_no_subresource_of_it(subresource: str) -> None:
    call = signed_call(by_v2_query(""), "/bucket/key", {}, {})
    changed = call_for("GET", f"/bucket/key?{subresource}&{call.query_string.decode()}")
    with pytest.raises(S3Error):
        verified(changed)


def test_version_2_covers_every_query_name_that_selects_an_operation() -> None:
    model = get_session().get_service_model("s3")
    uris = [model.operation_model(name).http["requestUri"] for name in model.operation_names]
    markers = {item.partition("=")[0] for uri in uris for item in urlsplit(uri).query.split("&")}
    assert markers - {"", "x-id"} <= SIGNED_BY_V2 | LEFT_OUT_BY_V2


@pytest.mark.parametrize("path", ["/bucket", "/bucket/", "/s3/bucket", "/s3/bucket/a//b"])
def test_version_2_knows_the_path_that_botocore_signs_for_another_endpoint(path: str) -> None:
    """botocore signs as if the endpoint had no path, and a bucket alone with a slash."""
    request = AWSRequest("GET", f"http://s3.example.com{path}")
    at_aws = path.removeprefix("/s3")
    request.auth_path = at_aws if at_aws.count("/") > 1 else f"{at_aws}/"
    by_v2_query("").add_auth(request)
    assert verified(as_received(request, {})).access_key == ACCESS_KEY


def test_version_2_knows_the_bucket_of_the_host() -> None:
    request = AWSRequest("GET", "http://bucket.s3.example.com/key")
    request.auth_path = "/bucket/key"
    by_v2_query("").add_auth(request)
    call = as_received(request, {})
    call.host_bucket = "bucket"
    assert verified(call).access_key == ACCESS_KEY


def test_a_version_2_url_for_a_put_carries_its_content_type_in_the_query() -> None:
    request = AWSRequest("PUT", "http://s3.example.com/bucket/key", {"Content-Type": "text/csv"})
    by_v2_query("").add_auth(request)
    for headers in ({}, {"content-type": "text/csv"}):
        call = call_for("PUT", str(request.prepare().url), headers)
        assert verified(call).access_key == ACCESS_KEY
    another = call_for("PUT", str(request.prepare().url), {"content-type": "text/html"})
    with pytest.raises(S3Error):
        verified(another)


def test_the_presigned_put_of_the_javascript_sdk_is_a_signed_query_like_any_other() -> None:
    query = {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-sdk-checksum-algorithm": "CRC32"}
    call = signed_call(by_query("us-east-1"), "/bucket/key", {**query, "x-id": "PutObject"}, {})
    assert verified(call).access_key == ACCESS_KEY


def test_a_date_header_stands_in_for_x_amz_date() -> None:
    """botocore then writes the zone as -0000."""
    call = signed_call(by_header("us-east-1"), "/bucket/key", {}, {"Date": "now"})
    assert "x-amz-date" not in call.headers
    assert call.headers["date"].endswith("-0000")
    assert verified(call).access_key == ACCESS_KEY


def _with_a_changed_byte(call: Request, where: tuple[int, int], byte: int) -> Request:
    parts = {
        "path": call.raw_path,
        "query": call.query_string,
        **{
            name: value.encode("latin-1")
            for name, value in call.headers.items()
            if name.startswith("x-amz-") or name in ("host", "authorization")
        },
    }
    present = [name for name, value in parts.items() if value]
    part = present[where[0] % len(present)]
    old = parts[part]
    place = where[1] % len(old)
    parts[part] = old[:place] + bytes([byte]) + old[place + 1 :]
    target = parts.pop("path") + b"?" + parts.pop("query")
    sent = {name: value.decode("latin-1") for name, value in parts.items()}
    if not target.startswith(b"/") or target.startswith(b"//"):
        target = b"/" + target
    return call_for(call.method, target.decode(), {**call.headers, **sent})
