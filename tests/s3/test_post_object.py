"""Uploads by form, as browsers and boto3's presigned posts make them."""

from __future__ import annotations

import base64
import hashlib
from email.header import decode_header
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config

from s3gw.config.limits import DEFAULT_LIMITS
from s3gw.http.request import Addressing
from storage.backends.memory import MemoryBackend
from tests.s3.forms import BOUNDARY, allowed, form, part, post, signed, signed_text
from tests.s3.gateway import (
    ALICE,
    BOB,
    ENDPOINT,
    Gateway,
    code_of,
    error_of,
    values,
    xml_of,
)

MD5 = base64.b64encode(hashlib.md5(b"the file").digest()).decode()
SHA256 = base64.b64encode(hashlib.sha256(b"the file").digest()).decode()
OTHER_SHA256 = base64.b64encode(hashlib.sha256(b"another").digest()).decode()
ETAG = f'"{hashlib.md5(b"the file").hexdigest()}"'


def read(gateway: Gateway, bucket: str, key: str) -> bytes:
    answer = gateway.send("GET", f"/{bucket}/{key}")
    assert answer.status == 200
    return answer.body


def keys(gateway: Gateway, bucket: str) -> list[str]:
    return values(xml_of(gateway.send("GET", f"/{bucket}")), "Key")


def refused(gateway: Gateway, bucket: str, body: bytes, **options: Any) -> tuple[int, str]:
    """How the form is refused; nothing may have been stored."""
    answer = post(gateway, bucket, body, **options)
    assert keys(gateway, bucket) == []
    return code_of(answer)


def presigned_post(version: str, bucket: str, key: str) -> Any:
    access_key, secret = next(iter(ALICE.secrets.items()))
    signer = boto3.client(
        "s3",
        endpoint_url=ENDPOINT,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        config=Config(signature_version=version, s3={"addressing_style": "path"}),
    )
    return signer.generate_presigned_post(bucket, key)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_post_of_either_version_uploads(
    gateway: Gateway, bucket: str, version: str
) -> None:
    presigned = presigned_post(version, bucket, "a/${filename}")
    assert presigned["url"] == f"{ENDPOINT}/{bucket}"
    answer = post(gateway, bucket, form(presigned["fields"]))
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["etag"] == ETAG
    assert answer.headers["location"] == f"{ENDPOINT}/{bucket}/a%2Ff.txt"
    assert read(gateway, bucket, "a/f.txt") == b"the file"


def test_what_the_fields_say_of_the_object_is_kept(gateway: Gateway, bucket: str) -> None:
    tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>ü+=</Value></Tag></TagSet></Tagging>"
    fields = {
        "key": "k",
        "acl": "private",
        "Content-Type": "text/plain",
        "cache-control": "no-store",
        "Content-Disposition": "attachment",
        "x-amz-meta-Name": "  größer ",
        "x-amz-storage-class": "STANDARD_IA",
        "tagging": tags,
    }
    assert post(gateway, bucket, form(allowed(bucket, fields))).status == 204
    headers = gateway.send("GET", f"/{bucket}/k").headers
    assert headers["content-type"] == "text/plain"
    assert headers["cache-control"] == "no-store"
    assert headers["content-disposition"] == "attachment"
    assert headers["x-amz-meta-name"] == "=?UTF-8?Q?__gr=C3=B6=C3=9Fer_?="
    assert headers["x-amz-storage-class"] == "STANDARD_IA"
    tagging = xml_of(gateway.send("GET", f"/{bucket}/k?tagging"))
    assert (values(tagging, "Key"), values(tagging, "Value")) == (["a b"], ["ü+="])


@pytest.mark.parametrize("value", ["v\t", "\tv", " v", "v ", "a\tb", "\t"])
def test_a_field_keeps_spaces_and_tabs_at_its_ends(
    gateway: Gateway, bucket: str, value: str
) -> None:
    """As AWS keeps them. A header would lose them, so they go out in an encoded word."""
    fields = allowed(bucket, {"key": f"k{value}", "x-amz-meta-a": value})
    assert post(gateway, bucket, form(fields)).status == 204
    assert keys(gateway, bucket) == [f"k{value}"]
    headers = gateway.send("GET", f"/{bucket}/{quote(f'k{value}')}").headers
    ((text, charset),) = decode_header(headers["x-amz-meta-a"])
    assert (text.decode(charset) if charset else text) == value


def test_the_files_own_type_is_not_the_objects(gateway: Gateway, bucket: str) -> None:
    fields = allowed(bucket, {"key": "k", "Content-Type": ""})
    file = part("file", b"x", '; filename="f"\r\nContent-Type: text/html')
    assert post(gateway, bucket, form(fields, None, after=file)).status == 204
    assert gateway.send("GET", f"/{bucket}/k").headers["content-type"] == "binary/octet-stream"


@pytest.mark.parametrize(
    ("filename", "name"),
    [("f", "f"), ("/home/me/f", "f"), ("C:\\\\my\\\\f", "f"), ("ü à", "ü à"), ("", ""), ("a/", "")],
)
def test_the_name_of_the_file_stands_in_every_field(
    gateway: Gateway, bucket: str, filename: str, name: str
) -> None:
    fields = {"key": "x/${filename}", "x-amz-meta-n": "<${filename}>"}
    policy = signed([{"bucket": bucket}, {"key": f"x/{name}"}, {"x-amz-meta-n": f"<{name}>"}])
    assert post(gateway, bucket, form(fields | policy, filename=filename)).status == 204
    assert keys(gateway, bucket) == [f"x/{name}"]


def test_a_file_without_a_name_leaves_the_variable(gateway: Gateway, bucket: str) -> None:
    fields = allowed(bucket, {"key": "x/${filename}"})
    assert post(gateway, bucket, form(fields, None, after=part("file", b"x"))).status == 204
    assert keys(gateway, bucket) == ["x/${filename}"]


def test_names_of_fields_and_of_matches_have_no_case(gateway: Gateway, bucket: str) -> None:
    conditions = [{"bUcKeT": bucket}, ["StArTs-WiTh", "$KeY", "a"], ["EQ", "$aCl", "private"]]
    fields = signed(conditions) | {"kEy": "ab", "Acl": "private"}
    upper = {name.upper(): value for name, value in fields.items()}
    assert post(gateway, bucket, form(upper)).status == 204
    assert keys(gateway, bucket) == ["ab"]


@pytest.mark.parametrize(
    ("asked", "status"), [("200", 200), ("201", 201), ("204", 204), ("404", 204), ("x", 204)]
)
def test_the_form_chooses_the_status(
    gateway: Gateway, bucket: str, asked: str, status: int
) -> None:
    fields = allowed(bucket, {"key": "ä&b", "success_action_status": asked})
    answer = post(gateway, bucket, form(fields))
    assert answer.status == status
    assert answer.headers["etag"] == ETAG
    if status != 201:
        assert answer.body == b""
        return
    assert answer.headers["content-type"] == "application/xml"
    told = {element.tag: element.text for element in xml_of(answer)}
    location = f"{ENDPOINT}/{bucket}/%C3%A4%26b"
    assert told == {"Location": location, "Bucket": bucket, "Key": "ä&b", "ETag": ETAG}
    assert b"xmlns" not in answer.body


@pytest.mark.parametrize(
    ("name", "url", "target"),
    [
        ("success_action_redirect", "http://h/p", "http://h/p?{}"),
        ("redirect", "https://h", "https://h?{}"),
        ("success_action_redirect", "http://h/p?a=1#top", "http://h/p?a=1&{}#top"),
        ("success_action_redirect", "http://h/ü %41", "http://h/%C3%BC%20%41?{}"),
        ("success_action_redirect", "http://h/a\r\nX: y", "http://h/aX:%20y?{}"),
        ("success_action_redirect", "javascript:alert(1)", None),
        ("success_action_redirect", "/relative", None),
        ("success_action_redirect", "http://[h", None),
    ],
)
def test_a_form_can_ask_to_be_sent_elsewhere(
    gateway: Gateway, bucket: str, name: str, url: str, target: str | None
) -> None:
    answer = post(gateway, bucket, form(allowed(bucket, {"key": "a/ü", name: url})))
    assert keys(gateway, bucket) == ["a/ü"]
    if target is None:
        assert answer.status == 204
        return
    added = f"bucket={bucket}&key=a%2F%C3%BC&etag={ETAG}".replace('"', "%22")
    assert (answer.status, answer.headers["location"]) == (303, target.format(added))


@pytest.mark.parametrize(
    ("conditions", "problem"),
    [
        ([{"key": "K"}], 'Policy Condition failed: ["eq", "$key", "K"]'),
        ([["starts-with", "$key", "x"]], 'Policy Condition failed: ["starts-with", "$key", "x"]'),
        ([{"key": "k"}, {"acl": "x"}], 'Policy Condition failed: ["eq", "$acl", "x"]'),
        ([{"key": "k"}, ["starts-with", "$acl", ""]], "Policy Condition failed: "),
        ([], "Extra input fields: key"),
    ],
)
def test_a_form_that_its_policy_does_not_allow_is_denied(
    gateway: Gateway, bucket: str, conditions: list[Any], problem: str
) -> None:
    fields = {"key": "k", **signed([{"bucket": bucket}, *conditions])}
    answer = post(gateway, bucket, form(fields))
    assert code_of(answer) == (403, "AccessDenied")
    assert error_of(answer)["Message"].startswith(f"Invalid according to Policy: {problem}")
    assert keys(gateway, bucket) == []


def test_a_policy_is_for_the_buckets_it_names(gateway: Gateway, bucket: str) -> None:
    denied = (403, "AccessDenied")
    other = gateway.new_bucket()
    fields = allowed(bucket, {"key": "k"})
    assert refused(gateway, other, form(fields)) == denied
    assert refused(gateway, other, form({**fields, "bucket": bucket})) == denied
    assert refused(gateway, other, form({"key": "k", **signed([{"key": "k"}])})) == denied
    assert post(gateway, bucket, form({**fields, "bucket": bucket})).status == 204


def test_an_expired_policy_is_denied(gateway: Gateway, bucket: str) -> None:
    fields = allowed(bucket, {"key": "k"}, expiration="2020-01-01T00:00:00Z")
    answer = post(gateway, bucket, form(fields))
    assert code_of(answer) == (403, "AccessDenied")
    assert error_of(answer)["Message"] == "Invalid according to Policy: Policy expired."


@pytest.mark.parametrize("document", ["", "x", "[]", "{}", '{"expiration": "2099-01-01"}'])
def test_a_policy_that_cannot_be_read_is_invalid(
    gateway: Gateway, bucket: str, document: str
) -> None:
    fields = {"key": "k", **signed_text(document)}
    assert refused(gateway, bucket, form(fields)) == (400, "InvalidPolicyDocument")


@pytest.mark.parametrize(
    ("size", "error"),
    [(0, "EntityTooSmall"), (9, "EntityTooSmall"), (200_001, "EntityTooLarge"), (9 << 20, "")],
)
def test_a_file_of_a_size_that_the_policy_does_not_allow_is_not_stored(
    gateway: Gateway, bucket: str, size: int, error: str
) -> None:
    fields = allowed(
        bucket,
        {"key": "k"},
        ["content-length-range", 10, 10 << 20],
        ["content-length-range", "0", "200000" if error else str(10 << 20)],
    )
    answer = post(gateway, bucket, form(fields, b"x" * size))
    if not error:
        assert (answer.status, len(read(gateway, bucket, "k"))) == (204, size)
        return
    assert (code_of(answer), keys(gateway, bucket)) == ((400, error), [])


def test_both_ends_of_a_range_of_sizes_are_allowed(gateway: Gateway, bucket: str) -> None:
    fields = allowed(bucket, {"key": "k"}, ["content-length-range", 8, 8])
    assert post(gateway, bucket, form(fields)).status == 204


def test_a_form_needs_a_file_and_a_key_before_it(gateway: Gateway, bucket: str) -> None:
    fields = allowed(bucket, {"key": "k"})
    answer = post(gateway, bucket, form(fields, None))
    assert code_of(answer) == (400, "InvalidArgument")
    assert error_of(answer)["Message"] == "POST requires exactly one file upload per request."
    late = form({}, after=form(fields, None))
    assert refused(gateway, bucket, late) == (400, "InvalidArgument")
    empty = form(allowed(bucket, {"key": ""}))
    assert refused(gateway, bucket, empty) == (400, "InvalidArgument")
    long = form(allowed(bucket, {"key": "ü" * 513}))
    assert refused(gateway, bucket, long) == (400, "KeyTooLongError")


def test_what_comes_after_the_file_is_ignored(gateway: Gateway, bucket: str) -> None:
    after = part("key", b"other") + part("file", b"other") + b"garbage" * 100_000
    body = form(allowed(bucket, {"key": "k"}), after=after)
    assert post(gateway, bucket, body).status == 204
    assert read(gateway, bucket, "k") == b"the file"
    assert keys(gateway, bucket) == ["k"]


def test_a_form_that_breaks_off_stores_nothing(gateway: Gateway, bucket: str) -> None:
    whole = form(allowed(bucket, {"key": "k"}), b"x" * 100_000)
    end = len(f"\r\n--{BOUNDARY}--\r\n")
    for body in (whole[:-end], whole[: 1 - end], whole[:-5], whole[:60_000], whole[:300], b""):
        assert refused(gateway, bucket, body) == (400, "MalformedPOSTRequest")


def test_what_is_no_form_is_malformed(gateway: Gateway, bucket: str) -> None:
    malformed = (400, "MalformedPOSTRequest")
    body = form(allowed(bucket, {"key": "k"}))
    assert refused(gateway, bucket, body.replace(b"form-data", b"attachment")) == malformed
    assert refused(gateway, bucket, body.replace(b'name="key"', b"x")) == malformed
    assert refused(gateway, bucket, part("key", b"\xff") + body) == malformed
    assert refused(gateway, bucket, part("x\xff", b"", "\r\nX: " + "y" * 5000)) == malformed
    assert refused(gateway, bucket, part("a", b"", "\r\nX: y" * 9) + body) == malformed
    coded = part("a", b"", "\r\nContent-Transfer-Encoding: base64") + body
    assert refused(gateway, bucket, coded) == malformed
    assert refused(gateway, bucket, b"preamble" + body) == malformed
    for kind in ("", "; boundary=", "; boundary=" + "x" * 300, "; boundary=other"):
        assert refused(gateway, bucket, body, kind="multipart/form-data" + kind) == malformed


def test_another_kind_of_content_is_no_form(gateway: Gateway, bucket: str) -> None:
    answer = gateway.send("POST", f"/{bucket}", {"content-type": "text/plain"}, b"x")
    assert code_of(answer) == (412, "PreconditionFailed")


def test_fields_are_limited(gateway: Gateway, bucket: str) -> None:
    too_much = (400, "MaxPostPreDataLengthExceededError")
    fields = allowed(bucket, {"key": "k"})
    many = form({**fields, **{f"x-ignore-{n}": "" for n in range(400)}})
    assert refused(gateway, bucket, many) == too_much
    large = form({**fields, "x-ignore-a": "x" * DEFAULT_LIMITS.form_bytes})
    assert refused(gateway, bucket, large) == too_much
    grown = form({**fields, "x-ignore-a": "${filename}" * 200}, filename="f" * 1000)
    assert refused(gateway, bucket, grown) == too_much
    meta = {"key": "k", "x-amz-meta-a": "x" * 3000}
    assert refused(gateway, bucket, form(allowed(bucket, meta))) == (400, "MetadataTooLarge")


def test_a_field_that_comes_twice_is_refused_unless_it_is_ignored(
    gateway: Gateway, bucket: str
) -> None:
    fields = list(allowed(bucket, {"key": "k"}).items())
    assert refused(gateway, bucket, form([("KEY", "k"), *fields])) == (400, "InvalidArgument")
    ignored = [("x-ignore-a", "1"), ("x-ignore-a", "2")]
    assert post(gateway, bucket, form([*ignored, *fields])).status == 204


@pytest.mark.parametrize(
    ("name", "value"),
    [("x-amz-meta-a", "b\r\nSet-Cookie: c"), ("x-amz-meta-a b", "c"), ("Content-Type", "a\x00")],
)
def test_a_field_cannot_make_a_header_that_is_none(
    gateway: Gateway, bucket: str, name: str, value: str
) -> None:
    fields = allowed(bucket, {"key": "k", name: value})
    assert refused(gateway, bucket, form(fields)) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("acl", "aws-exec-read"),
        ("x-amz-server-side-encryption", "aws:kms:dsse"),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("x-amz-grant-read", "who=x"),
    ],
)
def test_what_a_put_cannot_keep_a_form_cannot_either(
    gateway: Gateway, bucket: str, name: str, value: str
) -> None:
    direct = {f"x-amz-{name}" if name == "acl" else name: value}
    put = gateway.send("PUT", f"/{bucket}/k", direct, b"x")
    fields = allowed(bucket, {"key": "k", name: value})
    assert code_of(post(gateway, bucket, form(fields))) == code_of(put)


def test_tags_of_another_document_are_none(gateway: Gateway, bucket: str) -> None:
    fields = allowed(bucket, {"key": "k", "tagging": "<Other></Other>"})
    assert post(gateway, bucket, form(fields)).status == 204
    assert values(xml_of(gateway.send("GET", f"/{bucket}/k?tagging")), "Key") == []


@pytest.mark.parametrize("tagging", ["", "x", "<Tagging><TagSet><Tag/></TagSet>"])
def test_tags_must_be_a_document(gateway: Gateway, bucket: str, tagging: str) -> None:
    fields = allowed(bucket, {"key": "k", "tagging": tagging})
    assert refused(gateway, bucket, form(fields)) == (400, "MalformedXML")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("Content-MD5", MD5, "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("x-amz-checksum-sha256", SHA256, OTHER_SHA256),
    ],
)
def test_promises_of_the_file_are_kept(
    gateway: Gateway, bucket: str, name: str, good: str, bad: str
) -> None:
    wrong = form(allowed(bucket, {"key": "k", name: bad}))
    assert refused(gateway, bucket, wrong) == (400, "BadDigest")
    assert post(gateway, bucket, form(allowed(bucket, {"key": "k", name: good}))).status == 204


def test_a_checksum_needs_no_condition(gateway: Gateway, bucket: str) -> None:
    fields = allowed(bucket, {"key": "k"})
    answer = post(gateway, bucket, form({**fields, "x-amz-checksum-sha256": SHA256}))
    assert (answer.status, answer.headers["x-amz-checksum-sha256"]) == (204, SHA256)
    bad = form({**fields, "x-amz-checksum-sha256": "x"})
    assert code_of(post(gateway, bucket, bad)) == (400, "InvalidRequest")


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("x-amz-signature", "0" * 64, (403, "SignatureDoesNotMatch")),
        ("x-amz-signature", None, (400, "InvalidArgument")),
        ("x-amz-date", None, (400, "InvalidArgument")),
        ("x-amz-date", "yesterday", (400, "AuthorizationQueryParametersError")),
        ("x-amz-date", "20200101T000000Z", (400, "AuthorizationQueryParametersError")),
        ("x-amz-algorithm", "AWS4-HMAC-MD5", (400, "AuthorizationQueryParametersError")),
        ("x-amz-credential", "x", (400, "AuthorizationQueryParametersError")),
        ("x-amz-credential", "X/20200101/r/s3/aws4_request", (403, "InvalidAccessKeyId")),
        ("x-amz-security-token", "x", (400, "InvalidToken")),
        ("policy", None, (400, "InvalidArgument")),
        ("policy", "bm8gcG9saWN5", (403, "SignatureDoesNotMatch")),
        ("signature", "ü", (403, "SignatureDoesNotMatch")),
        ("signature", None, (400, "InvalidArgument")),
        ("AWSAccessKeyId", "nobody", (403, "InvalidAccessKeyId")),
        ("AWSAccessKeyId", None, (400, "InvalidArgument")),
    ],
)
def test_half_a_signature_or_a_wrong_one_is_refused(
    gateway: Gateway, bucket: str, name: str, value: str | None, error: tuple[int, str]
) -> None:
    version = "s3" if name in ("signature", "AWSAccessKeyId") else "s3v4"
    fields = presigned_post(version, bucket, "k")["fields"]
    fields.pop(name, None)
    if value is not None:
        fields[name] = value
    assert refused(gateway, bucket, form(fields)) == error


def test_a_form_is_signed_in_its_fields_and_nowhere_else(gateway: Gateway, bucket: str) -> None:
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    body = form(allowed(bucket, {"key": "k"}))
    answer = gateway.send("POST", f"/{bucket}", kind, body, account=ALICE)
    assert code_of(answer) == (400, "InvalidArgument")
    answer = gateway.send("POST", f"/{bucket}?AWSAccessKeyId=x", kind, body, account=None)
    assert code_of(answer) == (400, "InvalidArgument")


def test_promises_of_the_whole_body_are_refused(gateway: Gateway, bucket: str) -> None:
    body = form(allowed(bucket, {"key": "k"}))
    for name, value in {"content-md5": MD5, "x-amz-content-sha256": "0" * 64}.items():
        assert refused(gateway, bucket, body, headers={name: value}) == (501, "NotImplemented")


def test_nobody_and_others_may_not_post(gateway: Gateway, bucket: str) -> None:
    denied = (403, "AccessDenied")
    assert refused(gateway, bucket, form({"key": "k"})) == denied
    fields = {"key": "k", **signed([{"bucket": bucket}, {"key": "k"}], BOB)}
    assert refused(gateway, bucket, form(fields)) == denied
    assert code_of(
        post(gateway, "no-such-bucket", form(allowed("no-such-bucket", {"key": "k"})))
    ) == (
        404,
        "NoSuchBucket",
    )


def test_a_form_can_be_posted_to_the_bucket_of_the_host() -> None:
    gateway = Gateway(MemoryBackend(), Addressing(domains=("s3.test",)))
    try:
        bucket = gateway.new_bucket()
        host = {"host": f"{bucket}.s3.test"}
        kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        body = form(allowed(bucket, {"key": "a/b", "success_action_status": "201"}))
        answer = gateway.send("POST", "/", host | kind, body, account=None)
        assert answer.status == 201
        assert answer.headers["location"] == f"http://{bucket}.s3.test/a%2Fb"
        assert read(gateway, bucket, "a/b") == b"the file"
    finally:
        gateway.close()


def test_a_form_is_versioned_and_locked_as_a_put_is(gateway: Gateway, s3: Any) -> None:
    bucket = "locked-forms"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    lock = {
        "x-amz-object-lock-mode": "GOVERNANCE",
        "x-amz-object-lock-retain-until-date": "2098-01-01T00:00:00Z",
    }
    put = gateway.send("PUT", f"/{bucket}/put", lock, b"the file")
    posted = post(gateway, bucket, form(allowed(bucket, {"key": "posted", **lock})))
    assert put.headers.keys() <= posted.headers.keys() | {"content-length"}
    told = [gateway.send("HEAD", f"/{bucket}/{key}").headers for key in ("put", "posted")]
    assert told[0].keys() == told[1].keys()
    assert told[0].get("x-amz-object-lock-mode") == told[1].get("x-amz-object-lock-mode")
