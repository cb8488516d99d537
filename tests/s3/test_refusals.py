"""Bad requests: each is refused with the right code, in XML, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from s3gw.http.request import Addressing
from storage.backends.memory import MemoryBackend
from tests.s3.gateway import Gateway, code_of, error_of, values, xml_of

# What another server might take for a plain read or write. B is a bucket with an object k.
NOT_IMPLEMENTED = [
    ("PUT", "/B/k?append", {}),
    ("PUT", "/B/k?append&position=0", {}),
    ("POST", "/B/k?select&select-type=1", {}),
    ("GET", "/B/k?torrent", {}),
    ("DELETE", "/B/k?retention", {}),
    ("POST", "/", {"content-type": "application/x-www-form-urlencoded"}),
    ("PUT", "/B/k", {"x-amz-write-offset-bytes": "6"}),
    ("PUT", "/B/k", {"x-amz-server-side-encryption": "aws:kms:dsse"}),
    ("PUT", "/B/k", {"x-amz-acl": "aws-exec-read"}),
    ("PUT", "/B/k?partNumber=1&uploadId=x", {"x-amz-acl": "public-read"}),
    ("PUT", "/B/k?tagging&acl", {}),
    ("GET", "/B/k?tagging&attributes", {}),
]


@pytest.mark.parametrize(("method", "target", "headers"), NOT_IMPLEMENTED)
def test_what_is_not_implemented_says_so_and_does_nothing(
    gateway: Gateway, bucket: str, method: str, target: str, headers: dict[str, str]
) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"before")
    answer = gateway.send(method, target.replace("B", bucket, 1), headers, b"after")
    assert code_of(answer) == (501, "NotImplemented")
    assert gateway.send("GET", f"/{bucket}/k").body == b"before"
    assert values(xml_of(gateway.send("GET", f"/{bucket}")), "Key") == ["k"]


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [("PATCH", "/B/k", "OBJECT"), ("POST", "/B/k", "OBJECT"), ("PUT", "/", "SERVICE")],
)
def test_a_method_that_s3_has_not_is_not_allowed(
    gateway: Gateway, bucket: str, method: str, target: str, kind: str
) -> None:
    answer = gateway.send(method, target.replace("B", bucket, 1))
    assert code_of(answer) == (405, "MethodNotAllowed")
    assert error_of(answer)["Method"] == method
    assert error_of(answer)["ResourceType"] == kind


MALFORMED = [
    b"",
    b"x",
    b"<Delete>",
    b"<Other/>",
    b"<Delete><Object><Key>k</Key></Object></Delete",
    b'<?xml version="1.0" encoding="no-such"?><Delete/>',
    b"<Delete><Object><Key>k</Key><Key>k</Key></Object></Delete>",
    b"<Delete><Object><Key>k<b>x</b></Key></Object></Delete>",
    b"<Delete><Object/></Delete>",
    b"<Delete><Quiet>maybe</Quiet><Object><Key>k</Key></Object></Delete>",
    b"<Delete><Object><Key>&undefined;</Key></Object></Delete>",
    b"<!DOCTYPE Delete><Delete><Object><Key>k</Key></Object></Delete>",
    b'<!DOCTYPE d [<!ENTITY e "k">]><Delete><Object><Key>&e;</Key></Object></Delete>',
    b'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&e;</Key>'
    b"</Object></Delete>",
    b"<Delete><Object><Key>\xff</Key></Object></Delete>",
    b"<Delete><Object><Key>k</Key><Size>1e3</Size></Object></Delete>",
]


@pytest.mark.parametrize("body", MALFORMED)
def test_a_malformed_document_is_refused(gateway: Gateway, bucket: str, body: bytes) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    answer = gateway.send("POST", f"/{bucket}?delete", body=body)
    expected = "MalformedXML" if body else "MissingRequestBodyError"
    assert code_of(answer) == (400, expected)
    assert gateway.send("HEAD", f"/{bucket}/k").status == 200


def test_a_document_that_is_too_long_is_refused(gateway: Gateway, bucket: str) -> None:
    body = b"<Delete>" + b" " * (8 << 20) + b"</Delete>"
    answer = gateway.send("POST", f"/{bucket}?delete", body=body)
    assert code_of(answer) == (400, "MaxMessageLengthExceeded")


@pytest.mark.parametrize(
    ("target", "status"),
    [("/B/nope", 404), ("/no-such-bucket", 404), ("/no-such-bucket/k", 404), ("/B/k?acl", 501)],
)
def test_an_error_of_a_head_has_no_body(
    gateway: Gateway, bucket: str, target: str, status: int
) -> None:
    answer = gateway.send("HEAD", target.replace("B", bucket, 1))
    assert (answer.status, answer.body) == (status, b"")
    assert answer.headers["x-amz-request-id"]


def test_an_error_says_what_it_was_about(gateway: Gateway, bucket: str) -> None:
    answer = gateway.send("GET", f"/{bucket}/a%20b?uploadId=nope")
    assert code_of(answer) == (404, "NoSuchUpload")
    error = error_of(answer)
    assert error["Message"]
    assert error["UploadId"] == "nope"
    assert error["RequestId"] == answer.headers["x-amz-request-id"]
    assert error["HostId"] == answer.headers["x-amz-id-2"] != error["RequestId"]
    assert answer.headers["content-type"] == "application/xml"
    assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')


@pytest.mark.parametrize("query", ["%ff", "a=%ff", "prefix=%80"])
def test_a_query_that_is_no_utf8_is_refused(gateway: Gateway, bucket: str, query: str) -> None:
    assert code_of(gateway.send("GET", f"/{bucket}?{query}")) == (400, "InvalidURI")


@pytest.fixture
def hosted() -> Any:
    """A gateway that knows a domain, and answers below /s3 only."""
    gateway = Gateway(MemoryBackend(), Addressing(("s3.example.com",), root_access=False))
    yield gateway
    gateway.close()


@pytest.mark.parametrize("host", ["virtual.s3.example.com", "virtual.s3.example.com:8080"])
def test_a_bucket_can_stand_in_the_host(hosted: Gateway, host: str) -> None:
    headers = {"host": host}
    assert hosted.send("PUT", "/", headers).status == 200
    assert hosted.send("PUT", "/s3//virtual/k", headers, b"x").status == 200
    listed = xml_of(hosted.send("GET", "/s3/virtual"))
    assert values(listed, "Key") == ["s3//virtual/k"]


def test_without_root_access_s3_is_below_s3_only(hosted: Gateway) -> None:
    assert code_of(hosted.send("GET", "/")) == (400, "InvalidURI")
    assert code_of(hosted.send("PUT", "/some-bucket")) == (400, "InvalidURI")
    assert hosted.send("GET", "/s3").status == 200
