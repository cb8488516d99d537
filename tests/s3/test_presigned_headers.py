"""Headers in the query of presigned URLs, as SDKs sign them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config

from compat.presign import Presigner
from s3gw.auth.query_headers import FATES, Fate, fate_of
from tests.asgi import Answer
from tests.s3.gateway import ALICE, BOB, ENDPOINT, Gateway, code_of, error_of

SIGNER = Presigner("127.0.0.1", "ALICE-KEY", "alice-secret")
DOCS = Path(__file__).parents[2] / "docs" / "s3.md"
BODY = b"0123456789"


def send(
    gateway: Gateway,
    method: str,
    path: str,
    query: dict[str, str],
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """A request with a URL that was presigned with these parameters."""
    sent = {"content-length": str(len(body)), **(headers or {})}
    target = SIGNER.url(method, path, query)
    return gateway.send(method, target, sent, body, account=None)


def put(gateway: Gateway, bucket: str, query: dict[str, str], **sent: Any) -> Answer:
    return send(gateway, "PUT", f"/{bucket}/k", query, body=BODY, **sent)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"x-amz-meta-foo": "bar baz"}, {"x-amz-meta-foo": "bar baz"}),
        ({"X-Amz-Meta-Foo": "bar"}, {"x-amz-meta-foo": "bar"}),
        ({"x-amz-storage-class": "STANDARD_IA"}, {"x-amz-storage-class": "STANDARD_IA"}),
        ({"x-amz-meta-a": "1", "x-amz-meta-b": "2"}, {"x-amz-meta-a": "1", "x-amz-meta-b": "2"}),
    ],
)
def test_what_the_signer_asked_for_is_kept(
    gateway: Gateway, bucket: str, query: dict[str, str], shown: dict[str, str]
) -> None:
    assert put(gateway, bucket, query).status == 200
    head = gateway.send("HEAD", f"/{bucket}/k").headers
    assert shown.items() <= head.items()


def test_an_upload_that_is_begun_by_a_url_keeps_it_too(gateway: Gateway, bucket: str) -> None:
    query = {"uploads": "", "x-amz-meta-foo": "bar"}
    begun = send(gateway, "POST", f"/{bucket}/k", query)
    upload = begun.body.decode().partition("<UploadId>")[2].partition("<")[0]
    part = {"partNumber": "1", "uploadId": upload}
    etag = send(gateway, "PUT", f"/{bucket}/k", part, body=BODY).headers["etag"]
    document = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    )
    done = gateway.send("POST", f"/{bucket}/k?uploadId={upload}", body=document.encode())
    assert done.status == 200
    assert gateway.send("HEAD", f"/{bucket}/k").headers["x-amz-meta-foo"] == "bar"


def test_an_acl_of_the_query_is_given(gateway: Gateway, bucket: str) -> None:
    for query, status in (({}, 403), ({"x-amz-acl": "public-read"}, 200)):
        assert put(gateway, bucket, query).status == 200
        assert gateway.send("GET", f"/{bucket}/k", account=None).status == status


def test_the_expected_owner_of_the_query_is_expected(gateway: Gateway, bucket: str) -> None:
    for owner, status in ((ALICE.account, 200), (BOB.account, 403)):
        query = {"x-amz-expected-bucket-owner": owner}
        assert put(gateway, bucket, query).status == status
        assert send(gateway, "GET", f"/{bucket}/k", query).status == status


def test_an_object_is_written_once_through_a_url_that_says_so(
    gateway: Gateway, bucket: str
) -> None:
    assert put(gateway, bucket, {"If-None-Match": "*"}).status == 200
    assert code_of(put(gateway, bucket, {"If-None-Match": "*"})) == (412, "PreconditionFailed")
    assert code_of(put(gateway, bucket, {"if-match": '"other"'})) == (412, "PreconditionFailed")


def test_a_reader_is_held_to_the_conditions_of_the_query(gateway: Gateway, bucket: str) -> None:
    etag = put(gateway, bucket, {}).headers["etag"]
    assert send(gateway, "GET", f"/{bucket}/k", {"if-none-match": etag}).status == 304
    refused = send(gateway, "GET", f"/{bucket}/k", {"If-Match": '"other"'})
    assert code_of(refused) == (412, "PreconditionFailed")


def test_the_sender_cannot_change_what_was_signed(gateway: Gateway, bucket: str) -> None:
    for value, status in (("*", 200), ('"other"', 400)):
        gateway.send("DELETE", f"/{bucket}/k")
        answer = put(gateway, bucket, {"if-none-match": "*"}, headers={"if-none-match": value})
        assert answer.status == status


def test_encryption_is_signed_in_both_places_and_sent_in_one(gateway: Gateway, bucket: str) -> None:
    """As the SDK for JavaScript 2 does."""
    query = {"x-amz-server-side-encryption": "AES256"}
    for sent in (query, {}):
        target = botocore_url(gateway, bucket, query)
        answer = gateway.send("PUT", target, {"content-length": "0", **sent}, account=None)
        assert answer.status != 403, answer.body


def botocore_url(gateway: Gateway, bucket: str, headers: dict[str, str]) -> str:
    """A target that signs headers, and has them in its query as well."""
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    url = f"{ENDPOINT}/{bucket}/k?" + "&".join(f"{n}={v}" for n, v in headers.items())
    request: Any = AWSRequest(method="PUT", url=url, headers=dict(headers))
    credentials = Credentials("ALICE-KEY", "alice-secret")
    S3SigV4QueryAuth(credentials, "s3", "us-east-1").add_auth(request)
    return str(request.url).removeprefix(ENDPOINT)


def test_version_2_signs_headers_in_its_query(gateway: Gateway, bucket: str) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=ENDPOINT,
        region_name="us-east-1",
        aws_access_key_id="ALICE-KEY",
        aws_secret_access_key="alice-secret",
        config=Config(signature_version="s3", s3={"addressing_style": "path"}),
    )
    params = {"Bucket": bucket, "Key": "k", "Metadata": {"foo": "bar"}}
    url = client.generate_presigned_url("put_object", Params=params)
    target = url.removeprefix(ENDPOINT)
    assert gateway.send("PUT", target, {}, BODY, account=None).status == 200
    assert gateway.send("HEAD", f"/{bucket}/k").headers["x-amz-meta-foo"] == "bar"


@pytest.mark.parametrize(
    "name",
    [
        "x-amz-tagging",
        "X-Amz-Tagging",
        "x-amz-object-lock-mode",
        "x-amz-object-lock-legal-hold",
        "x-amz-website-redirect-location",
        "x-amz-server-side-encryption-customer-key",
        "x-amz-bypass-governance-retention",
    ],
)
def test_what_is_not_applied_is_refused(gateway: Gateway, bucket: str, name: str) -> None:
    refused = put(gateway, bucket, {name: "a=b"})
    assert code_of(refused) == (501, "NotImplemented")
    assert error_of(refused)["Header"] == name
    assert gateway.send("HEAD", f"/{bucket}/k").status == 404


@pytest.mark.parametrize(
    "query",
    [
        {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-sdk-checksum-algorithm": "CRC32"},
        {"x-amz-checksum-sha256": "bad"},
        {"x-amz-copy-source": "somewhere/else"},
        {"x-amz-user-agent": "aws-sdk-js/3", "x-id": "PutObject"},
    ],
)
def test_what_aws_ignores_is_ignored(gateway: Gateway, bucket: str, query: dict[str, str]) -> None:
    assert put(gateway, bucket, query).status == 200
    assert gateway.send("GET", f"/{bucket}/k").body == BODY


def test_a_value_that_no_header_can_have_is_refused(gateway: Gateway, bucket: str) -> None:
    refused = put(gateway, bucket, {"x-amz-meta-foo": "a\r\nx: y"})
    assert code_of(refused) == (400, "InvalidArgument")


def test_a_request_that_is_signed_in_its_head_has_headers_there(
    gateway: Gateway, bucket: str
) -> None:
    assert gateway.send("PUT", f"/{bucket}/k?x-amz-meta-foo=bar", body=BODY).status == 200
    assert "x-amz-meta-foo" not in gateway.send("HEAD", f"/{bucket}/k").headers


def test_every_header_of_awss_model_has_its_fate() -> None:
    model = botocore.session.get_session().get_service_model("s3")
    names: set[str] = set()
    for operation in model.operation_names:
        shape = model.operation_model(operation).input_shape
        for member in shape.members.values() if shape else ():
            if "header" in member.serialization.get("location", ""):
                names.add(member.serialization["name"].lower())
    elsewhere = ("x-amz-fwd-", "x-amz-request-ro", "x-amz-request-to", "x-amz-create-session-")
    ours = {n for n in names if n.startswith("x-amz-") and not n.startswith(elsewhere)}
    missing = {name for name in ours if fate_of(name) is None}
    assert missing <= {
        "x-amz-client-token",
        "x-amz-object-annotation-directive",
        "x-amz-object-if-match",
        "x-amz-skip-destination-validation",
    }


def test_the_documentation_names_every_fate() -> None:
    page = DOCS.read_text()
    table = page.partition("<!-- headers in a presigned query -->")[2].partition("<!-- end -->")[0]
    shown = {
        name: Fate(fate)
        for _, names, fate, *_ in (line.split("|") for line in table.splitlines() if "`" in line)
        for name, fate in ((name.strip(" `"), fate.strip()) for name in names.split(","))
    }
    assert shown == {f"{n}*" if n.endswith("-") else n: fate for n, fate in FATES.items()}
