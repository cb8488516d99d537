"""Preconditions of reads, writes and deletes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.s3.gateway import (
    ALICE,
    BOB,
    ENDPOINT,
    Gateway,
    code_of,
    details,
    error_of,
    values,
    xml_of,
)

PAST = "Thu, 01 Jan 2004 00:00:00 GMT"
FUTURE = "Fri, 01 Jan 2100 00:00:00 GMT"
# The object's ETag is put in for E; "other" is somebody else's.
READS = [
    ({"if-match": "E"}, 200),
    ({"if-match": '"E"'}, 200),
    ({"if-match": 'W/"E"'}, 200),
    ({"if-match": "*"}, 200),
    ({"if-match": '"other", "E"'}, 200),
    ({"if-match": "other"}, 412),
    ({"if-match": ""}, 412),
    ({"if-none-match": '"E"'}, 304),
    ({"if-none-match": "*"}, 304),
    ({"if-none-match": "other"}, 200),
    ({"if-modified-since": PAST}, 200),
    ({"if-modified-since": FUTURE}, 200),
    ({"if-modified-since": "no date"}, 200),
    ({"if-unmodified-since": PAST}, 412),
    ({"if-unmodified-since": FUTURE}, 200),
    ({"if-unmodified-since": "99"}, 200),
    # An ETag is the better witness, so it decides over a date.
    ({"if-match": '"E"', "if-unmodified-since": PAST}, 200),
    ({"if-match": "other", "if-unmodified-since": FUTURE}, 412),
    ({"if-none-match": '"E"', "if-modified-since": PAST}, 304),
    ({"if-none-match": "other", "if-modified-since": FUTURE}, 200),
    ({"if-match": "other", "if-none-match": '"E"'}, 412),
]


@pytest.mark.parametrize(("conditions", "status"), READS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_keeps_its_conditions(
    gateway: Gateway, bucket: str, method: str, conditions: dict[str, str], status: int
) -> None:
    etag = gateway.send("PUT", f"/{bucket}/k", body=b"x").headers["etag"]
    sent = {name: value.replace("E", etag.strip('"')) for name, value in conditions.items()}
    if "since" in str(conditions):
        sent = {n: v if "since" in n else sent[n] for n, v in conditions.items()}
    answer = gateway.send(method, f"/{bucket}/k", sent)
    assert answer.status == status
    if status in (200, 304):
        assert answer.headers["etag"] == etag
    if status == 304:
        assert answer.body == b""
        assert answer.headers["last-modified"]


def test_a_failed_condition_is_named(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    answer = gateway.send("GET", f"/{bucket}/k", {"if-match": "other"})
    assert code_of(answer) == (412, "PreconditionFailed")
    assert error_of(answer)["Condition"] == "If-Match"


def put(s3: Any, bucket: str, **conditions: str) -> str:
    return str(s3.put_object(Bucket=bucket, Key="k", Body=b"new", **conditions)["ETag"])


def copy(s3: Any, bucket: str, **conditions: str) -> str:
    s3.put_object(Bucket=bucket, Key="source", Body=b"source")
    made = s3.copy_object(
        Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "source"}, **conditions
    )
    return str(made["CopyObjectResult"]["ETag"])


def complete(s3: Any, bucket: str, **conditions: str) -> str:
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(**upload, PartNumber=1, Body=b"part")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    return str(
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **conditions)[
            "ETag"
        ]
    )


WRITES = [put, copy, complete]


@pytest.mark.parametrize("write", WRITES)
def test_a_write_can_want_nothing_to_be_there(s3: Any, bucket: str, write: Any) -> None:
    first = write(s3, bucket, IfNoneMatch="*")
    with pytest.raises(ClientError) as error:
        write(s3, bucket, IfNoneMatch="*")
    assert error.value.response["Error"]["Code"] == "PreconditionFailed"
    assert s3.head_object(Bucket=bucket, Key="k")["ETag"] == first


@pytest.mark.parametrize("write", WRITES)
def test_a_write_can_want_to_replace_one_object_only(s3: Any, bucket: str, write: Any) -> None:
    with pytest.raises(ClientError) as error:
        write(s3, bucket, IfMatch="anything")
    assert error.value.response["Error"]["Code"] == "NoSuchKey"
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["ETag"]
    with pytest.raises(ClientError) as error:
        write(s3, bucket, IfMatch='"other"')
    assert error.value.response["Error"]["Code"] == "PreconditionFailed"
    assert s3.head_object(Bucket=bucket, Key="k")["ETag"] == old
    new = write(s3, bucket, IfMatch=old)
    assert s3.head_object(Bucket=bucket, Key="k")["ETag"] == new


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    "conditions",
    [{"IfNoneMatch": '"other"'}, {"IfMatch": "*"}, {"IfMatch": '"other"', "IfNoneMatch": "*"}],
)
def test_a_condition_that_no_write_knows_is_refused(
    s3: Any, bucket: str, write: Any, conditions: dict[str, str]
) -> None:
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["ETag"]
    with pytest.raises(ClientError) as error:
        write(s3, bucket, **conditions)
    assert details(error)["Code"] == "NotImplemented"
    assert details(error)["additionalMessage"]
    assert s3.head_object(Bucket=bucket, Key="k")["ETag"] == old


def replaced(s3: Any, where: dict[str, str]) -> str:
    return str(s3.put_object(**where, Body=b"same")["ETag"])


def removed(s3: Any, where: dict[str, str]) -> None:
    s3.delete_object(**where)


@pytest.mark.parametrize(
    ("meanwhile", "condition"), [(replaced, "IfMatch"), (removed, "IfNoneMatch")]
)
def test_a_condition_on_an_upload_is_about_the_object_that_it_began_over(
    s3: Any, bucket: str, meanwhile: Any, condition: str
) -> None:
    where = {"Bucket": bucket, "Key": "k"}
    etag = s3.put_object(**where, Body=b"same")["ETag"]
    upload = where | {"UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"part")
    done = upload | {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}}
    meanwhile(s3, where)
    holds = {condition: etag if condition == "IfMatch" else "*"}
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(**done, **holds)
    told = details(error)
    assert (told["Code"], told["Key"]) == ("ConditionalRequestConflict", "k")
    assert told["Condition"].replace("-", "") == condition
    s3.complete_multipart_upload(**done)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_who_may_only_write_cannot_ask_for_etags(gateway: Gateway, method: str) -> None:
    bucket, s3 = gateway.new_bucket(), gateway.client()
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    s3.put_object(Bucket=bucket, Key="mine/k", Body=b"x")
    writing = ["s3:PutObject", "s3:DeleteObject", "s3:ListBucket"]
    rules: list[dict[str, Any]] = [
        {"Action": writing, "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]},
        {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/mine/*"},
    ]
    statements = [{"Effect": "Allow", "Principal": {"AWS": BOB.account}, **rule} for rule in rules]
    policy = {"Version": "2012-10-17", "Statement": statements}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    for condition in (etag, '"other"'):
        answer = gateway.send(method, f"/{bucket}/k", {"if-match": condition}, account=BOB)
        assert code_of(answer) == (403, "AccessDenied")
    body = f"<Delete><Object><Key>k</Key><ETag>{etag.strip(chr(34))}</ETag></Object></Delete>"
    answer = gateway.send("POST", f"/{bucket}?delete", body=body.encode(), account=BOB)
    assert values(xml_of(answer), "Code") == ["AccessDenied"]
    answer = gateway.send(method, f"/{bucket}/mine/k", {"if-match": '"other"'}, account=BOB)
    assert code_of(answer) == (412, "PreconditionFailed")
    assert gateway.send(method, f"/{bucket}/k", account=BOB).status in (200, 204)


@pytest.mark.parametrize(
    ("condition", "status"), [(("If-None-Match", "*"), 412), (("if-match", '"other"'), 412)]
)
def test_a_condition_in_a_presigned_url_counts(
    gateway: Gateway, bucket: str, condition: tuple[str, str], status: int
) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    name, value = condition
    target = presigned("PUT", f"/{bucket}/k", {name: value})
    answer = gateway.send("PUT", target, body=b"y", account=None)
    assert code_of(answer) == (status, "PreconditionFailed")
    assert gateway.send("GET", f"/{bucket}/k").body == b"x"


def presigned(method: str, path: str, query: dict[str, str]) -> str:
    request: Any = AWSRequest(method=method, url=ENDPOINT + path, params=query)
    credentials = Credentials(*next(iter(ALICE.secrets.items())))
    S3SigV4QueryAuth(credentials, "s3", "us-east-1").add_auth(request)
    return str(request.url).removeprefix(ENDPOINT)


@pytest.mark.parametrize("write", WRITES)
def test_of_many_simultaneous_creators_one_wins(s3: Any, bucket: str, write: Any) -> None:
    def create(_: int) -> str:
        try:
            write(s3, bucket, IfNoneMatch="*")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "created"

    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(create, range(50)))
    assert sorted(outcomes) == ["PreconditionFailed"] * 49 + ["created"]


def test_of_many_simultaneous_replacers_one_wins(s3: Any, bucket: str) -> None:
    old = put(s3, bucket)

    def replace(number: int) -> str | None:
        try:
            s3.put_object(Bucket=bucket, Key="k", Body=b"%d" % number, IfMatch=old)
        except s3.exceptions.ClientError:
            return None
        return str(number)

    with ThreadPoolExecutor(20) as pool:
        winners = [number for number in pool.map(replace, range(20)) if number]
    assert len(winners) == 1
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == winners[0].encode()


def test_a_delete_can_want_one_object_only(s3: Any, bucket: str) -> None:
    etag = put(s3, bucket)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch="other")
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch="*")


@pytest.mark.parametrize("name", ["x-amz-if-match-size", "x-amz-if-match-last-modified-time"])
def test_conditions_of_directory_buckets_are_not_ignored(
    gateway: Gateway, bucket: str, name: str
) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    assert code_of(gateway.send("DELETE", f"/{bucket}/k", {name: "1"})) == (501, "NotImplemented")
    assert gateway.send("HEAD", f"/{bucket}/k").status == 200


# If-Range

RESUMED = [
    ('"E"', True),
    ("E", True),
    ('W/"E"', False),
    ('"other"', False),
    ("*", False),
    ("", False),
    ("no date", False),
    ("DATE", True),
    (PAST, False),
    (FUTURE, False),
]
BODY = bytes(range(100))


def asked_of(answer: Any, validator: str) -> str:
    return validator.replace("DATE", answer.headers["last-modified"]).replace(
        "E", answer.headers["etag"].strip('"')
    )


@pytest.mark.parametrize(("validator", "same"), RESUMED)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_download_is_resumed_from_the_same_object_only(
    gateway: Gateway, bucket: str, method: str, validator: str, same: bool
) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=BODY)
    head = gateway.send("HEAD", f"/{bucket}/k")
    sent = {"range": "bytes=90-", "if-range": asked_of(head, validator)}
    got = gateway.send(method, f"/{bucket}/k", sent)
    assert got.status == (206 if same else 200)
    assert got.headers["content-length"] == ("10" if same else "100")
    assert ("content-range" in got.headers) == same
    if method == "GET":
        assert got.body == (BODY[90:] if same else BODY)


def test_a_range_of_another_object_need_not_be_satisfiable(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"short")
    sent = {"range": "bytes=90-", "if-range": '"other"'}
    got = gateway.send("GET", f"/{bucket}/k", sent)
    assert (got.status, got.body) == (200, b"short")


def test_if_range_alone_changes_nothing(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=BODY)
    assert gateway.send("GET", f"/{bucket}/k", {"if-range": '"other"'}).body == BODY


def test_other_conditions_come_before_if_range(gateway: Gateway, bucket: str) -> None:
    etag = gateway.send("PUT", f"/{bucket}/k", body=BODY).headers["etag"]
    sent = {"range": "bytes=90-", "if-range": '"other"', "if-match": '"other"'}
    assert gateway.send("GET", f"/{bucket}/k", sent).status == 412
    sent = {"range": "bytes=90-", "if-range": etag, "if-none-match": etag}
    assert gateway.send("GET", f"/{bucket}/k", sent).status == 304


# A write that comes too late


def test_a_write_that_is_too_late_changes_nothing(gateway: Gateway, bucket: str) -> None:
    for method in ("PUT", "DELETE"):
        gateway.send("PUT", f"/{bucket}/k", body=b"first")
        refused = gateway.send(method, f"/{bucket}/k", {"if-unmodified-since": PAST}, b"second")
        assert code_of(refused) == (412, "PreconditionFailed")
        assert gateway.send("GET", f"/{bucket}/k").body == b"first"
        sent = {"if-unmodified-since": FUTURE}
        assert gateway.send(method, f"/{bucket}/k", sent, b"").status in (200, 204)
