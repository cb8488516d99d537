"""Addresses that answers give: as the client that asked reaches the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from s3gw.http.request import Addressing
from storage.backends.memory import MemoryBackend
from tests.asgi import Answer
from tests.s3.forms import BOUNDARY, allowed, form
from tests.s3.gateway import ENDPOINT, Gateway, values, xml_of

BEHIND_TLS = {"x-forwarded-proto": "https"}
KEY = "a/ü b"
ESCAPED = "a%2F%C3%BC%20b"
Make = Callable[[Gateway, str, str, dict[str, str]], Answer]


@pytest.fixture(name="gateway", scope="module")
def _gateway() -> Iterator[Gateway]:
    gateway = Gateway(MemoryBackend(), Addressing(domains=("s3.test",)))
    yield gateway
    gateway.close()


def posted(gateway: Gateway, bucket: str, target: str, headers: dict[str, str]) -> Answer:
    body = form(allowed(bucket, {"key": KEY, "success_action_status": "201"}))
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return gateway.send("POST", target, kind | headers, body, account=None)


def completed(gateway: Gateway, bucket: str, target: str, headers: dict[str, str]) -> Answer:
    begun = gateway.send("POST", f"/{bucket}/{ESCAPED}?uploads")
    (upload_id,) = values(xml_of(begun), "UploadId")
    part = gateway.send("PUT", f"/{bucket}/{ESCAPED}?partNumber=1&uploadId={upload_id}", body=b"x")
    body = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{part.headers['etag']}</ETag></Part></CompleteMultipartUpload>"
    ).encode()
    target = f"{target.rstrip('/')}/{ESCAPED}?uploadId={upload_id}"
    return gateway.send("POST", target, headers, body)


@pytest.mark.parametrize("make", [posted, completed])
@pytest.mark.parametrize(
    ("headers", "target", "expected"),
    [
        ({}, "/{}", ENDPOINT + "/{}"),
        ({}, "/s3/{}", ENDPOINT + "/s3/{}"),
        ({"host": "{}.s3.test:8080"}, "/", "http://{}.s3.test:8080"),
        (BEHIND_TLS | {"host": "store.example.com"}, "/{}", "https://store.example.com/{}"),
        (BEHIND_TLS | {"host": "{}.s3.test"}, "/", "https://{}.s3.test"),
    ],
)
def test_a_new_object_is_where_its_client_finds_it(
    gateway: Gateway, make: Make, headers: dict[str, str], target: str, expected: str
) -> None:
    bucket = gateway.new_bucket()
    sent = {name: text.format(bucket) for name, text in headers.items()}
    answer = make(gateway, bucket, target.format(bucket), sent)
    location = f"{expected.format(bucket)}/{ESCAPED}"
    assert values(xml_of(answer), "Location") == [location]
    assert answer.headers.get("location", location) == location


@pytest.mark.parametrize(
    ("headers", "target", "expected"),
    [
        ({}, "/{}", "/{}"),
        ({}, "/s3/{}", "/s3/{}"),
        ({"host": "{}.s3.test"}, "/", "http://{}.s3.test/"),
        (BEHIND_TLS | {"host": "{}.s3.test"}, "/", "https://{}.s3.test/"),
    ],
)
def test_a_new_bucket_is_where_its_client_finds_it(
    gateway: Gateway, headers: dict[str, str], target: str, expected: str
) -> None:
    bucket = f"{gateway.new_bucket()}-new"
    body = (
        b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint>"
        b"</CreateBucketConfiguration>"
    )
    sent = {name: text.format(bucket) for name, text in headers.items()}
    answer = gateway.send("PUT", target.format(bucket), sent, body)
    assert (answer.status, answer.headers["location"]) == (200, expected.format(bucket))
