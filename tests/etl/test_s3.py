"""Objects that S3's clients read through transformers."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from http.client import IncompleteRead
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.etl.scene import EtlScene
from tests.server_process import ACCESS_KEY, SECRET_KEY, eventually

KEYS = {"o": b"hello", "empty": b"", "a b/ü%": b"named", "a/../b": b"odd"}


@pytest.fixture(scope="module")
def etl(scene: EtlScene) -> str:
    return scene.new_etl(obj_timeout="20s")


@pytest.fixture(scope="module")
def pulling(scene: EtlScene) -> str:
    return scene.new_etl(communication="hpull://")


@pytest.fixture(scope="module")
def bucket(scene: EtlScene) -> str:
    return allowing(scene)


def allowing(scene: EtlScene) -> str:
    """A bucket whose objects may be transformed."""
    bucket = scene.new_bucket()
    scene.good("PATCH", f"buckets/{bucket}", {"action": "set-bprops", "value": {"etl.s3": True}})
    client = scene.server.client()
    for key, body in KEYS.items():
        client.put_object(Bucket=bucket, Key=key, Body=body, ContentType="text/plain")
    return bucket


def client_of(scene: EtlScene, **query: str) -> Any:
    """A client whose reads have these parameters."""
    client = scene.server.client()

    def add(request: Any, **_: Any) -> None:
        request.params.update(query)

    client.meta.events.register("before-sign.s3.GetObject", add)
    return client


def read(scene: EtlScene, bucket: str, key: str, *, query: dict[str, str], **more: Any) -> bytes:
    answer = client_of(scene, **query).get_object(Bucket=bucket, Key=key, **more)
    body: bytes = answer["Body"].read()
    return body


def refused(
    scene: EtlScene, bucket: str, key: str = "o", *, query: dict[str, str], **more: Any
) -> tuple[int, str, str]:
    """The status, code and message of a refusal."""
    with pytest.raises(ClientError) as caught:
        read(scene, bucket, key, query=query, **more)
    answer: Any = caught.value.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status, answer["Error"]["Code"], answer["Error"]["Message"]


@pytest.mark.parametrize("key", KEYS)
def test_an_object_is_transformed(scene: EtlScene, etl: str, bucket: str, key: str) -> None:
    assert read(scene, bucket, key, query={"etl": etl}) == KEYS[key][::-1]
    assert read(scene, bucket, key, query={"etl": etl, "etl_args": "upper"}) == KEYS[key].upper()


@pytest.mark.parametrize("key", [key for key in KEYS if key != "empty"])
def test_one_that_pulls_finds_the_object(
    scene: EtlScene, pulling: str, bucket: str, key: str
) -> None:
    assert read(scene, bucket, key, query={"etl": pulling}) == KEYS[key][::-1]


def test_transformers_form_a_pipeline(scene: EtlScene, etl: str, bucket: str) -> None:
    other = scene.new_etl()
    query = {"etl": etl, "etl_pipeline": other}
    assert read(scene, bucket, "o", query=query) == b"hello"


def test_what_holds_for_the_source_is_not_said_of_the_result(
    scene: EtlScene, etl: str, bucket: str
) -> None:
    client = client_of(scene, etl=etl)
    answer = client.get_object(Bucket=bucket, Key="o", ChecksumMode="ENABLED")
    assert answer["ContentType"] == "binary/octet-stream"
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    told = ("etag", "last-modified", "accept-ranges", "x-amz-checksum", "x-amz-meta")
    assert [name for name in headers if name.startswith(told)] == []


def test_a_presigned_url_reads_the_result(scene: EtlScene, etl: str, bucket: str) -> None:
    query = urlencode({"etl": etl, "response-content-type": "image/png"})
    request = AWSRequest("GET", f"{scene.server.endpoint}/{bucket}/o?{query}")
    keys = Credentials(ACCESS_KEY, SECRET_KEY)
    S3SigV4QueryAuth(keys, "s3", "us-east-1", expires=60).add_auth(request)
    url = str(request.url)
    with urlopen(url) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"olleh", "image/png")


def test_conditions_and_versions_are_the_sources(scene: EtlScene, etl: str, pulling: str) -> None:
    bucket, client = allowing(scene), scene.server.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = client.put_object(Bucket=bucket, Key="o", Body=b"old")
    client.put_object(Bucket=bucket, Key="o", Body=b"new")
    for name in (etl, pulling):
        query = {"etl": name}
        version = old["VersionId"]
        assert read(scene, bucket, "o", query=query, VersionId=version) == b"dlo"
        assert read(scene, bucket, "o", query=query) == b"wen"
        assert refused(scene, bucket, query=query, IfMatch=old["ETag"])[0] == 412
        assert read(scene, bucket, "o", query=query, IfNoneMatch=old["ETag"]) == b"wen"


def test_a_customers_key_opens_the_source(
    scene: EtlScene, etl: str, pulling: str, bucket: str
) -> None:
    key = bytes(range(32))
    sealed: dict[str, Any] = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
    scene.server.client().put_object(Bucket=bucket, Key="sealed", Body=b"secret", **sealed)
    named = "x-amz-server-side-encryption-customer-"
    headers = {
        f"{named}algorithm": "AES256",
        f"{named}key": b64encode(key).decode(),
        f"{named}key-md5": b64encode(hashlib.md5(key).digest()).decode(),
    }
    for name in (etl, pulling):
        assert read(scene, bucket, "sealed", query={"etl": name}, **sealed) == b"terces"
        answer = scene.send("GET", f"objects/{bucket}/sealed?etl_name={name}", headers=headers)
        assert (answer.status, answer.body) == (200, b"terces")
        without = refused(scene, bucket, "sealed", query={"etl": name})
        assert without[:2] == (400, "InvalidRequest")


@pytest.mark.parametrize(
    ("more", "header"),
    [({"Range": "bytes=0-1"}, "range"), ({"PartNumber": 1}, "partNumber")],
)
def test_less_than_the_whole_is_refused(
    scene: EtlScene, etl: str, bucket: str, more: dict[str, Any], header: str
) -> None:
    status, code, text = refused(scene, bucket, query={"etl": etl}, **more)
    assert (status, code) == (501, "NotImplemented")
    assert header in text


def test_members_of_archives_are_refused(scene: EtlScene, etl: str, bucket: str) -> None:
    query = {"etl": etl, "archpath": "a"}
    assert refused(scene, bucket, query=query)[:2] == (501, "NotImplemented")


def test_nothing_else_takes_the_parameter(scene: EtlScene, etl: str, bucket: str) -> None:
    client = scene.server.client()

    def add(request: Any, **_: Any) -> None:
        request.params["etl"] = etl

    client.meta.events.register("before-sign.s3", add)
    with pytest.raises(ClientError) as caught:
        client.head_object(Bucket=bucket, Key="o")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(ClientError, match="NotImplemented"):
        client.put_object(Bucket=bucket, Key="o", Body=b"new")
    with pytest.raises(ClientError, match="NotImplemented"):
        client.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"etl": ""}, "names no transformer"),
        ({"etl_args": "upper"}, "etl_args without etl:"),
        ({"etl_pipeline": "second"}, "etl_pipeline without etl:"),
        ({"etl": "first", "etl_pipeline": "a," * 16}, "at most 16 transformers"),
    ],
)
def test_parameters_that_cannot_be_are_invalid(
    scene: EtlScene, bucket: str, query: dict[str, str], text: str
) -> None:
    status, code, message = refused(scene, bucket, query=query)
    assert (status, code) == (400, "InvalidArgument")
    assert text in message


def test_a_bucket_has_to_allow_it(scene: EtlScene, etl: str) -> None:
    bucket = scene.new_bucket({"o": b"hello"})
    status, code, message = refused(scene, bucket, query={"etl": etl})
    assert (status, code) == (400, "InvalidRequest")
    assert f"s3gw bucket props set ais://{bucket} etl.s3=true" in message


def test_a_transformer_has_to_be_there(scene: EtlScene, bucket: str) -> None:
    found = refused(scene, bucket, query={"etl": "none-such"})
    assert found[:2] == (404, "NoSuchConfiguration")
    assert "none-such" in found[2]


def test_a_missing_object_is_not_found(
    scene: EtlScene, etl: str, pulling: str, bucket: str
) -> None:
    for name in (etl, pulling):
        assert refused(scene, bucket, "none", query={"etl": name})[:2] == (404, "NoSuchKey")


@pytest.mark.parametrize(
    ("args", "status", "text"),
    [("fail", 422, "no such luck"), ("refuse", 415, "not this one"), ("what", 400, "what is")],
)
def test_a_failure_is_the_objects_alone(
    scene: EtlScene, etl: str, bucket: str, args: str, status: int, text: str
) -> None:
    found = refused(scene, bucket, query={"etl": etl, "etl_args": args})
    assert found[:2] == (status, "TransformationFailed")
    assert text in found[2]
    assert read(scene, bucket, "o", query={"etl": etl}) == b"olleh"


def test_failures_are_listed(scene: EtlScene, bucket: str) -> None:
    etl = scene.new_etl()
    refused(scene, bucket, query={"etl": etl, "etl_args": "fail"})

    def shown() -> list[dict[str, object]]:
        errors: list[dict[str, object]] = scene.json("GET", f"etl/{etl}")["obj_errors"]
        return errors

    (error,) = eventually(shown, "errors are saved")
    assert error["obj_name"] == f"ais://{bucket}/o"


def test_one_that_cannot_start_is_for_later(scene: EtlScene, bucket: str) -> None:
    """While it is started again, clients are to repeat their requests."""
    etl = scene.new_etl()
    target = f"{scene.server.endpoint}/{bucket}/o?{urlencode({'etl': etl})}"
    with pytest.raises(HTTPError) as died:
        urlopen(f"{target}&etl_args=die")
    died.value.close()
    assert died.value.status == 422

    seen = []

    def again() -> bool:
        try:
            with urlopen(target) as answer:
                return bool(answer.read() == b"olleh")
        except HTTPError as error:
            with error:
                code = error.read().partition(b"<Code>")[2].partition(b"</Code>")[0]
            seen.append((error.status, error.headers["Retry-After"], code))
            return False

    eventually(again, "the transformer is started again")
    assert set(seen) <= {(503, "1", b"SlowDown")}


def test_an_answer_that_is_cut_is_logged_without_a_stack(
    scene: EtlScene, etl: str, bucket: str
) -> None:
    query = urlencode({"etl": etl, "etl_args": "too little"})
    with (
        urlopen(f"{scene.server.endpoint}/{bucket}/o?{query}") as answer,
        pytest.raises(IncompleteRead),
    ):
        answer.read()

    def line() -> str:
        lines = scene.server.errors.splitlines()
        return next((each for each in lines if "a transformation failed" in each), "")

    told = json.loads(eventually(line, "the failure is logged"))
    assert "Traceback" not in json.dumps(told)
