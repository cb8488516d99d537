"""Every way of signing S3 requests with temporary keys."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.asgi import Answer
from tests.s3.forms import BOUNDARY, form
from tests.s3.gateway import code_of
from tests.sts.scene import ROOT, Scene, TemporaryKeys, parts_of, refused

VERSIONS = ["s3v4", "s3"]


@pytest.fixture
def bucket(scene: Scene) -> str:
    return scene.new_bucket()


@pytest.fixture
def keys(scene: Scene) -> TemporaryKeys:
    return scene.assumed(ROOT, "ClusterOwner")


def fetch(scene: Scene, url: str, method: str = "GET", body: bytes = b"") -> Answer:
    parts = urlsplit(url)
    return scene.send(method, f"{parts.path}?{parts.query}", {"host": parts.netloc}, body)


def test_objects_go_in_and_out_by_the_header(
    scene: Scene, bucket: str, keys: TemporaryKeys
) -> None:
    client = scene.s3(keys)
    client.put_object(Bucket=bucket, Key="key", Body=b"body")
    assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == b"body"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_presigned_url_carries_its_token(
    scene: Scene, bucket: str, keys: TemporaryKeys, version: str
) -> None:
    client = scene.s3(keys, signature_version=version)
    named = {"Bucket": bucket, "Key": "key"}
    put = client.generate_presigned_url("put_object", Params=named, ExpiresIn=600)
    assert fetch(scene, put, "PUT", b"body").status == 200
    got = client.generate_presigned_url("get_object", Params=named, ExpiresIn=600)
    assert fetch(scene, got).body == b"body"
    token = quote(keys.token, safe="")
    other = quote(scene.assumed(ROOT, "Admin").token, safe="")
    assert code_of(fetch(scene, got.replace(token, other))) == (400, "InvalidToken")
    assert fetch(scene, got.replace(token, token[:-1])).status == 400
    assert "oken=" in got


@pytest.mark.parametrize("version", VERSIONS)
def test_a_presigned_url_ends_with_its_session(scene: Scene, bucket: str, version: str) -> None:
    scene.clock.shift_s = -880
    keys = scene.assumed(ROOT, "ClusterOwner", DurationSeconds=900)
    client = scene.s3(keys, signature_version=version)
    url = client.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket})
    assert fetch(scene, url).status == 200
    scene.clock.shift_s = 40
    assert code_of(fetch(scene, url)) == (400, "ExpiredToken")


def test_two_tokens_are_one_too_many(scene: Scene, bucket: str, keys: TemporaryKeys) -> None:
    url = scene.s3(keys).generate_presigned_url("list_objects_v2", Params={"Bucket": bucket})
    parts = urlsplit(url)
    other = scene.assumed(ROOT, "Admin").token
    headers = {"host": parts.netloc, "x-amz-security-token": other}
    answer = scene.send("GET", f"{parts.path}?{parts.query}", headers)
    assert code_of(answer) == (400, "InvalidToken")


def test_a_token_in_a_header_must_be_signed(scene: Scene, bucket: str, keys: TemporaryKeys) -> None:
    request = AWSRequest("GET", f"http://127.0.0.1/{bucket}", headers={"host": "127.0.0.1"})
    S3SigV4Auth(Credentials(keys.access_key, keys.secret), "s3", "us-east-1").add_auth(request)
    headers = {name: str(value) for name, value in request.headers.items()}
    sent = {**headers, "x-amz-security-token": keys.token}
    answer = scene.send("GET", f"/{bucket}", sent)
    assert code_of(answer) == (403, "AccessDenied")
    assert b"<HeadersNotSigned>x-amz-security-token</HeadersNotSigned>" in answer.body


@pytest.mark.parametrize("version", VERSIONS)
def test_a_form_carries_its_token(
    scene: Scene, bucket: str, keys: TemporaryKeys, version: str
) -> None:
    client = scene.s3(keys, signature_version=version)
    post = client.generate_presigned_post(bucket, "form/${filename}")
    assert "x-amz-security-token" in post["fields"]
    assert posted(scene, bucket, post["fields"]).status == 204
    assert scene.s3(ROOT).get_object(Bucket=bucket, Key="form/f.txt")["Body"].read() == b"file"
    without = {n: v for n, v in post["fields"].items() if n != "x-amz-security-token"}
    assert posted(scene, bucket, without).status == 403
    other = {"x-amz-security-token": scene.assumed(ROOT, "Admin").token}
    assert code_of(posted(scene, bucket, post["fields"] | other)) == (400, "InvalidToken")


def posted(scene: Scene, bucket: str, fields: dict[str, str]) -> Answer:
    body, kind = form(fields, b"file"), f"multipart/form-data; boundary={BOUNDARY}"
    return scene.send("POST", f"/{bucket}", {"content-type": kind}, body)


def test_what_a_session_writes_is_the_bucket_owners(
    scene: Scene, bucket: str, keys: TemporaryKeys
) -> None:
    client = scene.s3(keys)
    client.put_object(Bucket=bucket, Key="key")
    listed: Any = client.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"]
    assert [each["Owner"]["ID"] for each in listed] == [ROOT.account]


def test_a_use_of_a_users_key_is_noted_and_a_sessions_is_not(scene: Scene) -> None:
    key = scene.new_user("Guest")
    scene.s3(key).list_buckets()
    session = TemporaryKeys.of(scene.sts(key).get_session_token())
    scene.s3(session).list_buckets()
    noted = scene.directory._used
    assert key.access_key in noted
    assert session.access_key not in noted


def test_the_wrong_service_is_no_substitute(scene: Scene, keys: TemporaryKeys) -> None:
    """What was signed for STS is nothing to S3, and the other way round."""
    access_key, secret, token = parts_of(keys)
    request = AWSRequest("GET", "http://127.0.0.1/", headers={"host": "127.0.0.1"})
    signer = S3SigV4Auth(Credentials(access_key, secret, token), "sts", "us-east-1")
    signer.add_auth(request)
    headers = {name: str(value) for name, value in request.headers.items()}
    assert code_of(scene.send("GET", "/", headers)) == (400, "AuthorizationHeaderMalformed")


def test_a_users_key_that_is_wrong_is_refused(scene: Scene) -> None:
    key = scene.new_user("Guest")
    with pytest.raises(ClientError) as error:
        scene.s3(TemporaryKeys(key.access_key, "wrong", None)).list_buckets()  # type: ignore[arg-type]
    assert refused(error) == (403, "SignatureDoesNotMatch")
