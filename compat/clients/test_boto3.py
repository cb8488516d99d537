"""boto3, call by call: what a program that knows S3 expects."""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from compat.clients.target import MIB, ODD_KEYS, domain, endpoint, keys, new_name, noise

# Those that this botocore can compute.
CHECKSUMS = sorted(import_module("botocore.httpchecksum")._CHECKSUM_CLS)


def connect(url: str | None = None, **config: Any) -> Any:
    asked: dict[str, Any] = {"retries": {"max_attempts": 1}, "s3": {"addressing_style": "path"}}
    return boto3.session.Session().client(
        "s3", endpoint_url=url or endpoint(), config=Config(**(asked | config))
    )


@pytest.fixture(scope="module", name="s3")
def _s3() -> Any:
    return connect()


@pytest.fixture(name="bucket")
def _bucket(s3: Any) -> Iterator[str]:
    name = new_name("calls")
    s3.create_bucket(Bucket=name)
    yield name
    empty(s3, name)
    s3.delete_bucket(Bucket=name)


def empty(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        if found := [{"Key": row["Key"]} for row in page.get("Contents", ())]:
            assert "Errors" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": found})


@contextlib.contextmanager
def refused(code: str, status: int) -> Iterator[None]:
    with pytest.raises(ClientError) as caught:
        yield
    response = caught.value.response
    found = (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"])
    assert found == (code, status)


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str | None
    body: bytes


def send(
    method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Answer:
    """As curl would: no header but those given; SigV2 signs a Content-Type that is there."""
    parts = urlsplit(url)
    plain = parts.scheme == "http"
    connect_to = http.client.HTTPConnection if plain else http.client.HTTPSConnection
    with contextlib.closing(connect_to(parts.netloc)) as connection:
        connection.request(method, url[url.index("/", 8) :], body, dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheader("content-type"), answer.read())


def read(s3: Any, bucket: str, key: str, **more: Any) -> bytes:
    body: bytes = s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()
    return body


def test_a_bucket_is_made_found_listed_and_deleted(s3: Any) -> None:
    name = new_name("life")
    s3.create_bucket(Bucket=name)
    assert s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert name in [row["Name"] for row in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)
    s3.delete_bucket(Bucket=name)
    with refused("404", 404):
        s3.head_bucket(Bucket=name)


def test_a_bucket_with_objects_is_not_deleted(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("size", [0, 1, 4096, 100_000, 3 * MIB + 1])
def test_what_is_put_is_got(s3: Any, bucket: str, size: int) -> None:
    body = noise(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    assert got["ContentLength"] == size
    assert got["ETag"] == put["ETag"]
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentLength"], head["ETag"]) == (size, put["ETag"])


@pytest.mark.parametrize("key", ODD_KEYS, ids=range(len(ODD_KEYS)))
def test_an_odd_key_is_a_key_like_any_other(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert read(s3, bucket, key) == key.encode()
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    assert read(s3, bucket, "copy") == key.encode()
    s3.delete_object(Bucket=bucket, Key=key)
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key=key)


def test_odd_keys_live_side_by_side(s3: Any, bucket: str) -> None:
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    listed = [row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(ODD_KEYS, key=str.encode)
    assert listed == [row["Key"] for row in s3.list_objects(Bucket=bucket)["Contents"]]
    assert all(read(s3, bucket, key) == key.encode() for key in ODD_KEYS)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("0-0", 0, 1), ("5-9", 5, 10), ("90-", 90, 100), ("-7", 93, 100), ("-1000", 0, 100),
     ("50-5000", 50, 100)],
)  # fmt: skip
def test_a_range_is_that_range(s3: Any, bucket: str, asked: str, start: int, stop: int) -> None:
    body = noise(100)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    got = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={asked}")
    assert got["Body"].read() == body[start:stop]
    assert got["ContentRange"] == f"bytes {start}-{stop - 1}/100"
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_a_range_behind_the_end_is_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    with refused("InvalidRange", 416):
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_pages_add_up(s3: Any, bucket: str, operation: str, delimiter: str) -> None:
    expected = [*sorted(f"d{i % 5}/k{i:03d}" for i in range(25)), "top1", "top2"]
    for key in expected:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    pages = list(
        s3.get_paginator(operation).paginate(
            Bucket=bucket, Delimiter=delimiter, PaginationConfig={"PageSize": 3}
        )
    )
    found = [row["Key"] for page in pages for row in page.get("Contents", ())]
    prefixes = [row["Prefix"] for page in pages for row in page.get("CommonPrefixes", ())]
    assert len(pages) == (3 if delimiter else 9)
    assert found == (["top1", "top2"] if delimiter else expected)
    assert prefixes == ([f"d{i}/" for i in range(5)] if delimiter else [])


def test_a_listing_begins_where_it_is_told(s3: Any, bucket: str) -> None:
    for key in ("a", "b", "c", "p/1", "p/2"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    after = s3.list_objects_v2(Bucket=bucket, StartAfter="b", FetchOwner=True)
    assert [row["Key"] for row in after["Contents"]] == ["c", "p/1", "p/2"]
    assert after["Contents"][0]["Owner"]["ID"]
    within = s3.list_objects_v2(Bucket=bucket, Prefix="p/", MaxKeys=1)
    assert (within["KeyCount"], within["IsTruncated"]) == (1, True)


def test_metadata_and_headers_come_back(s3: Any, bucket: str) -> None:
    said = {
        "ContentType": "text/x-test; charset=utf-8",
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="a.txt"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "Metadata": {"plain": "value", "with-dash": "a b  c"},
    }
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **said)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert {name: head[name] for name in said} == said


def test_metadata_beyond_ascii_survives_in_its_encodings(s3: Any, bucket: str) -> None:
    # botocore lets only ASCII through: programs send RFC 2047 or percent-encoding themselves. AWS
    # chooses the encoding of a word anew.
    sent = {"word": "=?UTF-8?B?w7xtbMOkdXQ=?=", "percent": "%C3%BCml%C3%A4ut"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata=sent)
    back = s3.head_object(Bucket=bucket, Key="k")["Metadata"]
    assert back == {"word": "=?UTF-8?Q?=C3=BCml=C3=A4ut?=", "percent": "%C3%BCml%C3%A4ut"}


def test_a_copy_keeps_or_replaces_metadata(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"body", Metadata={"a": "1"}, ContentType="x/y")
    source = {"Bucket": bucket, "Key": "k"}
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=source)
    kept = s3.head_object(Bucket=bucket, Key="kept")
    assert (kept["Metadata"], kept["ContentType"]) == ({"a": "1"}, "x/y")
    s3.copy_object(
        Bucket=bucket, Key="k", CopySource=source, Metadata={"b": "2"}, MetadataDirective="REPLACE"
    )
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"b": "2"}
    assert read(s3, bucket, "kept") == read(s3, bucket, "k") == b"body"


def test_a_copy_onto_itself_without_a_change_is_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k"})


def test_many_are_deleted_in_one_call(s3: Any, bucket: str) -> None:
    names = [f"k&<{i}>" for i in range(1000)]
    for name in names[:20]:
        s3.put_object(Bucket=bucket, Key=name, Body=b"")
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": name} for name in names]})
    assert sorted(row["Key"] for row in done["Deleted"]) == sorted(names)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_quiet_deletion_says_nothing(s3: Any, bucket: str) -> None:
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}], "Quiet": True})
    assert "Deleted" not in done
    assert "Errors" not in done


@pytest.mark.parametrize("version", ["s3", "s3v4", None])
def test_presigned_urls_get_and_put(bucket: str, version: str | None) -> None:
    """Without a version boto3 signs the old way, with SigV2 in the query."""
    signer = connect(signature_version=version) if version else connect()
    where = {"Bucket": bucket, "Key": "pre signed/ü+.txt"}
    put = signer.generate_presigned_url("put_object", where)
    assert ("X-Amz-Signature" in put) == (version == "s3v4")
    assert send("PUT", put, b"body").status == 200
    override = {"ResponseContentType": "text/x-other"}
    get = signer.generate_presigned_url("get_object", where | override)
    assert send("GET", get) == Answer(200, "text/x-other", b"body")


def test_a_changed_presigned_url_is_refused(s3: Any, bucket: str) -> None:
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    answer = send("GET", url.replace("/k?", "/other?"))
    assert answer.status == 403
    assert b"SignatureDoesNotMatch" in answer.body


def test_wrong_keys_and_no_keys_are_refused(bucket: str) -> None:
    key, secret = keys()
    session = boto3.session.Session(key, secret[::-1])
    stranger = session.client("s3", endpoint_url=endpoint())
    with refused("SignatureDoesNotMatch", 403):
        stranger.list_objects_v2(Bucket=bucket)
    unknown = boto3.session.Session("UNKNOWNKEY", secret).client("s3", endpoint_url=endpoint())
    with refused("InvalidAccessKeyId", 403):
        unknown.list_objects_v2(Bucket=bucket)
    with refused("AccessDenied", 403):
        connect(signature_version=UNSIGNED).list_objects_v2(Bucket=bucket)


def test_what_is_not_there_has_its_own_error(s3: Any, bucket: str) -> None:
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="none")
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="none")
    with refused("NoSuchBucket", 404):
        s3.list_objects_v2(Bucket=new_name("none"))
    with refused("NoSuchUpload", 404):
        s3.list_parts(Bucket=bucket, Key="k", UploadId="none")


def test_a_wrong_md5_stores_nothing(s3: Any, bucket: str) -> None:
    wrong = base64.b64encode(bytes(16)).decode()
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5=wrong)
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="k")


def test_empty_bodies_and_others_take_turns_on_one_connection(s3: Any, bucket: str) -> None:
    """boto3 expects `100 Continue` before what it reads of a file, also if that is empty, and
    remembers what came in its place."""
    one = connect(max_pool_connections=1, read_timeout=10, retries={"total_max_attempts": 1})
    bodies = (b"", b"body", b"", b"", b"body")
    for number, body in enumerate(bodies):
        one.put_object(Bucket=bucket, Key=str(number), Body=io.BytesIO(body))
    for body in (b"", b"body"):
        with refused("PreconditionFailed", 412):
            one.put_object(Bucket=bucket, Key="0", Body=io.BytesIO(body), IfNoneMatch="*")
        one.put_object(Bucket=bucket, Key="1", Body=io.BytesIO(b"body"))
    assert tuple(read(s3, bucket, str(number)) for number in range(len(bodies))) == bodies


def test_a_conditional_put_creates_once(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch='"other"')
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=bucket, Key="absent", Body=b"2", IfMatch=etag)
    assert read(s3, bucket, "k") == b"3"


def test_a_conditional_get_answers_304_and_412(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    assert read(s3, bucket, "k", IfMatch=etag) == b"1"
    with refused("304", 304):
        s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    with refused("PreconditionFailed", 412):
        s3.get_object(Bucket=bucket, Key="k", IfMatch='"other"')


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_a_checksum_is_kept_and_told(s3: Any, bucket: str, algorithm: str) -> None:
    name = f"Checksum{algorithm.upper()}"
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"body", ChecksumAlgorithm=algorithm.upper())
    assert put[name]
    assert name not in s3.head_object(Bucket=bucket, Key="k")
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[name] == put[name]
    assert read(s3, bucket, "k", ChecksumMode="ENABLED") == b"body"
    facts = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectSize", "ETag"]
    )
    assert (facts["Checksum"][name], facts["ObjectSize"]) == (put[name], 4)


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_a_wrong_checksum_stores_nothing(s3: Any, bucket: str, algorithm: str) -> None:
    right = s3.put_object(Bucket=bucket, Key="r", Body=b"x", ChecksumAlgorithm=algorithm.upper())
    name = f"Checksum{algorithm.upper()}"
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"y", **{name: right[name]})
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize("algorithm", [None, *CHECKSUMS])
def test_an_upload_in_parts_by_hand(s3: Any, bucket: str, algorithm: str | None) -> None:
    said = {"ChecksumAlgorithm": algorithm.upper()} if algorithm else {}
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", Metadata={"a": "1"}, **said)
    where = {"Bucket": bucket, "Key": "k", "UploadId": upload["UploadId"]}
    bodies = {2: noise(5 * MIB, 2), 5: noise(1000, 5), 1: noise(5 * MIB, 1)}
    for number, body in bodies.items():
        s3.upload_part(PartNumber=number, Body=body, **where, **said)
    found = s3.list_parts(**where)["Parts"]
    assert [row["PartNumber"] for row in found] == [1, 2, 5]
    told = ("PartNumber", "ETag", *(name for name in found[0] if name.startswith("Checksum")))
    parts = [{name: row[name] for name in told} for row in found]
    done = s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **where)
    assert done["ETag"].endswith('-3"')
    assert read(s3, bucket, "k") == bodies[1] + bodies[2] + bodies[5]
    second = s3.head_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (second["PartsCount"], second["ContentLength"]) == (3, 5 * MIB)
    again = s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **where)
    assert again["ETag"] == done["ETag"]


def test_a_small_part_in_the_middle_is_refused(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "k"}
    where["UploadId"] = s3.create_multipart_upload(**where)["UploadId"]
    etags = [s3.upload_part(PartNumber=n, Body=b"small", **where)["ETag"] for n in (1, 2)]
    parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
    with refused("EntityTooSmall", 400):
        s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **where)
    with refused("InvalidPartOrder", 400):
        s3.complete_multipart_upload(MultipartUpload={"Parts": parts[::-1]}, **where)
    s3.abort_multipart_upload(**where)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_tags_are_set_read_and_removed(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1&b=x%20y")
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "x y"}]
    new = [{"Key": "ü", "Value": "ä"}]
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": new})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == new
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


@contextlib.contextmanager
def our_domain_resolves() -> Iterator[None]:
    """No name server knows our domain: answer for it, and for all below it."""
    real = socket.getaddrinfo

    def resolve(host: Any, *more: Any, **named: Any) -> Any:
        ours = str(host).endswith(domain())
        return real("127.0.0.1" if ours else host, *more, **named)

    with mock.patch("socket.getaddrinfo", resolve):
        yield


def test_a_bucket_may_stand_in_the_host_name(bucket: str) -> None:
    scheme, _, address = endpoint().partition("://")
    host = f"{scheme}://{domain()}:{address.rpartition(':')[2]}"
    virtual = connect(host, s3={"addressing_style": "virtual"})
    seen: list[str] = []
    virtual.meta.events.register("before-send.s3", lambda request, **_: seen.append(request.url))
    with our_domain_resolves():
        virtual.put_object(Bucket=bucket, Key="a/ü b", Body=b"virtual")
        assert read(virtual, bucket, "a/ü b") == b"virtual"
        assert [row["Key"] for row in virtual.list_objects_v2(Bucket=bucket)["Contents"]] == [
            "a/ü b"
        ]
    assert all(url.startswith(f"{scheme}://{bucket}.{domain()}:") for url in seen)


def test_a_form_post_uploads(s3: Any, bucket: str) -> None:
    post = s3.generate_presigned_post(bucket, "form.txt")
    fields = {**post["fields"], "file": "from a form"}
    boundary = "compat-boundary"
    body = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    data = f"{body}--{boundary}--\r\n".encode()
    assert send("POST", post["url"], data, headers).status == 204
    assert read(s3, bucket, "form.txt") == b"from a form"
