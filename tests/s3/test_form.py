"""Forms as streams: however they are cut, whatever they hold, read as far as is asked for."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from s3gw.auth import Authenticator, AuthOptions, Proof
from s3gw.auth.form import Form, read_form
from s3gw.http.request import Request
from s3gw.identity.accounts import Accounts
from s3gw.wire.errors import Code, S3Error
from tests.s3.forms import BOUNDARY, FOREVER, allowed, form, part, post, signed_text
from tests.s3.gateway import ALICE, ROOT, Gateway, error_of

KIND = f"multipart/form-data; boundary={BOUNDARY}"
DELIMITER = f"\r\n--{BOUNDARY}".encode()
# What a parser of multipart could take for a boundary.
TRAPS = [b"\r", b"\n", b"\r\n", b"-", b"--", DELIMITER[:-1], DELIMITER[:9], DELIMITER + b"x"]
FILES = st.lists(st.sampled_from(TRAPS) | st.binary(max_size=20), max_size=12).map(b"".join)


def call_of(chunks: Iterable[bytes], taken: list[int] | None = None) -> Request:
    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            if taken is not None:
                taken.append(len(chunk))
            yield chunk

    headers = {"content-type": KIND, "transfer-encoding": "chunked"}
    return Request(
        method="POST",
        raw_path=b"/b",
        query_string=b"",
        headers=headers,
        body=body(),
        request_id="",
        bucket="b",
    )


async def read_whole(chunks: Iterable[bytes]) -> tuple[Form, bytes]:
    form = await read_form(call_of(chunks))
    return form, b"".join([piece async for piece in form.file])


@given(FILES, st.text(max_size=10), st.integers(0, 2**32), st.integers(1, 40))
@example(DELIMITER[:-1] + DELIMITER[:-1], "", 0, 1)
def test_a_form_is_the_same_however_it_is_cut(
    file: bytes, value: str, seed: int, longest: int
) -> None:
    if DELIMITER + b"\r\n" in file + b"\r\n" or DELIMITER + b"--" in file:
        return
    body = form({"Key": "k", "a": value}, file, after=part("b", b"after"))
    cuts, at = random.Random(seed), 0
    chunks = []
    while at < len(body):
        chunks.append(body[at : at + cuts.randint(1, longest)])
        at += len(chunks[-1])
    found, content = asyncio.run(read_whole(chunks))
    assert (found.fields, found.key, content) == ({"key": "k", "a": value}, "k", file)


def test_the_file_is_read_only_as_it_is_asked_for() -> None:
    head, _, end = form({"key": "k"}, b"#").partition(b"#")
    taken: list[int] = []

    async def read() -> None:
        chunks = [head + b"#", *[b"x" * 65536] * 100, end]
        form = await read_form(call_of(chunks, taken))
        assert len(taken) == 1
        largest = 0
        async for piece in form.file:
            largest = max(largest, len(piece))
            assert len(taken) <= 102
        assert largest <= 2 * 65536

    asyncio.run(read())
    assert sum(taken) == len(head) + 1 + 100 * 65536 + len(end)


def authenticate(body: bytes, options: AuthOptions) -> Proof:
    authenticator = Authenticator(Accounts(ROOT, [ALICE]), options)
    return asyncio.run(authenticator.authenticate(call_of([body]), by_form=True))


def test_forms_of_version_2_can_be_switched_off() -> None:
    body = form(allowed("b", {"key": "k"}))
    assert authenticate(body, AuthOptions()).principal.account == ALICE.account
    with pytest.raises(S3Error) as raised:
        authenticate(body, AuthOptions(allow_sigv2_query=False))
    assert raised.value.code is Code.InvalidRequest


def test_without_authentication_a_policy_still_holds() -> None:
    fields = allowed("b", {"key": "k"}) | {"signature": "wrong"}
    proof = authenticate(form(fields), AuthOptions(no_auth=True))
    assert proof.principal.is_root
    assert proof.form is not None
    assert proof.form.policy is not None
    old = allowed("b", {"key": "k"}, expiration="2020-01-01T00:00:00Z")
    with pytest.raises(S3Error, match="Policy expired"):
        authenticate(form(old), AuthOptions(no_auth=True))


NAMES = """
    key policy signature AWSAccessKeyId x-amz-signature x-amz-date x-amz-credential x-amz-algorithm
    x-amz-security-token acl tagging bucket Content-Type Content-MD5 Expires content-encoding
    success_action_status success_action_redirect redirect x-ignore-a x-amz-meta-a x-amz-tagging
    x-amz-storage-class x-amz-checksum-crc32 x-amz-checksum-algorithm x-amz-trailer
    x-amz-copy-source x-amz-decoded-content-length x-amz-content-sha256 submit file
    x-amz-website-redirect-location
"""
ODD = [
    "",
    "k",
    "${filename}",
    "ü🦀",
    "a\r\nb: c",
    "\x00",
    "http://h/",
    "http://[",
    "GLACIER",
    "AAAA",
]
ODD += ["<Tagging/>", "a=b", "201", "9" * 400, "x" * 2000, json.dumps({"expiration": FOREVER})]
FIELDS = st.lists(
    st.tuples(st.sampled_from(NAMES.split()) | st.text(max_size=6), st.sampled_from(ODD)),
    max_size=6,
)
FILENAMES = st.sampled_from(["f", '\\"', "C:\\x", "a;b=c", '"; name="key', "ü", "x" * 300])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FIELDS, st.booleans(), FILENAMES, st.binary(max_size=8), st.data())
def test_no_form_is_answered_with_a_server_error(
    gateway: Gateway,
    fields: list[tuple[str, str]],
    has_policy: bool,
    filename: str,
    junk: bytes,
    data: st.DataObject,
) -> None:
    gateway.send("PUT", "/fuzzed")
    everything = {"bucket": "fuzzed", "key": "k", **dict(fields)}
    conditions = [["starts-with", f"${name}", ""] for name in everything]
    document = json.dumps({"expiration": FOREVER, "conditions": conditions})
    policy = signed_text(document) if has_policy else {}
    body = form([("key", "k"), *fields, *policy.items()], filename=filename)
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(body)))
        body = body[:at] + junk + body[at + data.draw(st.integers(0, 8)) :]
    answer = post(gateway, "fuzzed", body)
    assert answer.status not in (0, 500)
    if answer.status >= 400:
        assert error_of(answer)["Code"] != "InternalError"
    else:
        # Whatever was kept can also be told.
        assert gateway.send("GET", "/fuzzed").status == 200
    told = gateway.send("GET", "/fuzzed/k").headers
    assert not any(re.search("[\x00-\x08\x0a-\x1f\x7f]|^\\s|\\s$", text) for text in told.values())
