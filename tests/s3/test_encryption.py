"""Server-side encryption through the front door: who asks for it, who gets the bytes back."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from storage.backends.memory import MemoryBackend
from tests.s3.gateway import Gateway, code_of, details, error_of

MIB = 1 << 20
KEY_A, KEY_B = bytes(range(32)), bytes(range(1, 33))
LARGE = bytes(range(256)) * 4096 * 6 + b"end"
KMS_A = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "team-a"}
CUSTOMER = "x-amz-server-side-encryption-customer"


def md5_text(key: bytes) -> str:
    return base64.b64encode(hashlib.md5(key).digest()).decode()


def customer(key: bytes, prefix: str = "") -> dict[str, Any]:
    return {f"{prefix}SSECustomerAlgorithm": "AES256", f"{prefix}SSECustomerKey": key}


def customer_headers(key: bytes) -> dict[str, str]:
    return {
        f"{CUSTOMER}-algorithm": "AES256",
        f"{CUSTOMER}-key": base64.b64encode(key).decode(),
        f"{CUSTOMER}-key-md5": md5_text(key),
    }


SCHEMES: dict[str, dict[str, Any]] = {
    "none": {},
    "sse-s3": {"ServerSideEncryption": "AES256"},
    "sse-kms": KMS_A,
    "sse-c": customer(KEY_A),
}
every_scheme = pytest.mark.parametrize("scheme", SCHEMES)


def reading(scheme: str) -> dict[str, Any]:
    return SCHEMES[scheme] if scheme == "sse-c" else {}


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    names = ("ServerSideEncryption", "SSEKMSKeyId", "SSECustomerAlgorithm", "SSECustomerKeyMD5")
    return {name: answer[name] for name in names if name in answer}


def expected(scheme: str) -> dict[str, Any]:
    if scheme == "sse-c":
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": md5_text(KEY_A)}
    return SCHEMES[scheme]


def refused(call: Any, **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@every_scheme
@pytest.mark.parametrize("size", [0, 1, 100_000, len(LARGE)])
def test_what_is_written_is_read_and_both_say_how(
    s3: Any, bucket: str, scheme: str, size: int
) -> None:
    written = s3.put_object(Bucket=bucket, Key="k", Body=LARGE[:size], **SCHEMES[scheme])
    got = s3.get_object(Bucket=bucket, Key="k", **reading(scheme))
    head = s3.head_object(Bucket=bucket, Key="k", **reading(scheme))
    assert got["Body"].read() == LARGE[:size]
    assert shown(written) == shown(got) == shown(head) == expected(scheme)
    assert head["ContentLength"] == size
    assert written["ETag"] == got["ETag"] == head["ETag"]


@every_scheme
def test_ranges_decrypt(s3: Any, bucket: str, scheme: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=LARGE, **SCHEMES[scheme])
    for first, last in ((0, 0), (524_271, 524_273), (524_288, 3 * MIB), (len(LARGE) - 3, 10**9)):
        got = s3.get_object(
            Bucket=bucket, Key="k", Range=f"bytes={first}-{last}", **reading(scheme)
        )
        assert got["Body"].read() == LARGE[first : last + 1]
        assert got["ContentRange"].endswith(f"/{len(LARGE)}")


@pytest.mark.parametrize(
    ("scheme", "is_md5"), [("sse-s3", True), ("sse-kms", False), ("sse-c", False)]
)
def test_only_with_sse_s3_the_etag_tells_of_the_bytes(
    s3: Any, bucket: str, scheme: str, is_md5: bool
) -> None:
    etags = {
        s3.put_object(Bucket=bucket, Key="k", Body=b"bytes", **SCHEMES[scheme])["ETag"]
        for _ in range(2)
    }
    assert (etags == {f'"{hashlib.md5(b"bytes").hexdigest()}"'}) == is_md5
    assert len(etags) == (1 if is_md5 else 2)


@every_scheme
def test_a_multipart_upload_is_encrypted_part_by_part(s3: Any, bucket: str, scheme: str) -> None:
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", **SCHEMES[scheme])
    assert shown(begun) == expected(scheme)
    where = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"]}
    bodies = [LARGE[: 5 * MIB], b"last"]
    parts = []
    for number, body in enumerate(bodies, 1):
        part = s3.upload_part(**where, PartNumber=number, Body=body, **reading(scheme))
        assert shown(part) == expected(scheme)
        parts.append({"ETag": part["ETag"], "PartNumber": number})
    done = s3.complete_multipart_upload(
        **where, MultipartUpload={"Parts": parts}, **reading(scheme)
    )
    assert shown(done).items() <= expected(scheme).items()
    got = s3.get_object(Bucket=bucket, Key="k", **reading(scheme))
    assert got["Body"].read() == b"".join(bodies)
    last = s3.get_object(Bucket=bucket, Key="k", PartNumber=2, **reading(scheme))
    assert last["Body"].read() == b"last"
    span = s3.get_object(
        Bucket=bucket, Key="k", Range=f"bytes={5 * MIB - 1}-{5 * MIB}", **reading(scheme)
    )
    assert span["Body"].read() == b"".join(bodies)[5 * MIB - 1 : 5 * MIB + 1]


@every_scheme
@pytest.mark.parametrize("target", [*SCHEMES, "sse-c other"])
def test_copies_go_from_any_encryption_to_any(
    s3: Any, bucket: str, scheme: str, target: str
) -> None:
    wanted = customer(KEY_B) if target == "sse-c other" else SCHEMES[target]
    opened = customer(KEY_A, "CopySource") if scheme == "sse-c" else {}
    s3.put_object(Bucket=bucket, Key="a", Body=LARGE[:MIB], Metadata={"m": "1"}, **SCHEMES[scheme])
    source = {"Bucket": bucket, "Key": "a"}
    copied = s3.copy_object(Bucket=bucket, Key="b", CopySource=source, **opened, **wanted)
    key = wanted if "SSECustomerKey" in wanted else {}
    got = s3.get_object(Bucket=bucket, Key="b", **key)
    assert got["Body"].read() == LARGE[:MIB]
    assert got["Metadata"] == {"m": "1"}
    assert shown(copied) == shown(got)
    assert ("SSECustomerAlgorithm" in shown(got)) == target.startswith("sse-c")
    assert shown(got).get("ServerSideEncryption") == wanted.get("ServerSideEncryption")


@every_scheme
@pytest.mark.parametrize("target", SCHEMES)
def test_a_copy_onto_itself_may_change_the_encryption(
    s3: Any, bucket: str, scheme: str, target: str
) -> None:
    opened = customer(KEY_A, "CopySource") if scheme == "sse-c" else {}
    s3.put_object(Bucket=bucket, Key="a", Body=b"bytes", **SCHEMES[scheme])
    copy = {"Bucket": bucket, "Key": "a", "CopySource": {"Bucket": bucket, "Key": "a"}}
    if scheme == target == "none":
        assert refused(s3.copy_object, **copy) == (400, "InvalidRequest")
        return
    s3.copy_object(**copy, **opened, **SCHEMES[target])
    got = s3.get_object(Bucket=bucket, Key="a", **reading(target))
    assert got["Body"].read() == b"bytes"
    assert shown(got) == expected(target)


def test_new_metadata_on_an_encrypted_object_keep_it_readable(s3: Any, bucket: str) -> None:
    copy = {"Bucket": bucket, "Key": "a", "CopySource": {"Bucket": bucket, "Key": "a"}}
    default_to(s3, bucket, "AES256")
    s3.put_object(Bucket=bucket, Key="a", Body=b"bytes")
    s3.copy_object(**copy, MetadataDirective="REPLACE", Metadata={"new": "1"})
    s3.put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": [{"Key": "t", "Value": "v"}]})
    got = s3.get_object(Bucket=bucket, Key="a")
    assert (got["Body"].read(), got["Metadata"]) == (b"bytes", {"new": "1"})
    assert got["ServerSideEncryption"] == "AES256"


@every_scheme
def test_parts_are_copied_into_an_encrypted_upload(s3: Any, bucket: str, scheme: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789", **customer(KEY_B))
    begun = s3.create_multipart_upload(Bucket=bucket, Key="b", **SCHEMES[scheme])
    where = {"Bucket": bucket, "Key": "b", "UploadId": begun["UploadId"]}
    made = s3.upload_part_copy(
        **where,
        PartNumber=1,
        CopySource={"Bucket": bucket, "Key": "a"},
        CopySourceRange="bytes=2-4",
        **customer(KEY_B, "CopySource"),
        **reading(scheme),
    )
    assert shown(made) == expected(scheme)
    parts = [{"ETag": made["CopyPartResult"]["ETag"], "PartNumber": 1}]
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}, **reading(scheme))
    assert s3.get_object(Bucket=bucket, Key="b", **reading(scheme))["Body"].read() == b"234"


# SSE-C


@pytest.mark.parametrize("operation", ["get_object", "head_object", "attributes"])
def test_the_customers_key_must_come_again(s3: Any, bucket: str, operation: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"bytes", **customer(KEY_A))

    def ask(**more: Any) -> Any:
        if operation == "attributes":
            if more:  # botocore encodes the key of all operations but this one
                key = more["SSECustomerKey"]
                more |= {"SSECustomerKeyMD5": md5_text(key)}
                more |= {"SSECustomerKey": base64.b64encode(key).decode()}
            more["ObjectAttributes"] = ["ETag", "ObjectSize"]
            return s3.get_object_attributes(Bucket=bucket, Key="k", **more)
        return getattr(s3, operation)(Bucket=bucket, Key="k", **more)

    assert refused(ask)[0] == 400
    assert refused(ask, **customer(KEY_B))[0] == 403
    ask(**customer(KEY_A))


@pytest.mark.parametrize("scheme", ["none", "sse-s3", "sse-kms"])
@pytest.mark.parametrize("body", [b"bytes", LARGE])
def test_a_key_is_not_applicable_to_objects_that_need_none(
    s3: Any, bucket: str, scheme: str, body: bytes
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=body, **SCHEMES[scheme])
    where = {"Bucket": bucket, "Key": "k", **customer(KEY_A)}
    assert refused(s3.get_object, **where) == (400, "InvalidRequest")
    assert refused(s3.head_object, **where)[0] == 400


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({f"{CUSTOMER}-algorithm": "AES128"}, "InvalidEncryptionAlgorithmError"),
        ({f"{CUSTOMER}-algorithm": None}, "InvalidArgument"),
        ({f"{CUSTOMER}-key": None}, "InvalidArgument"),
        ({f"{CUSTOMER}-key": "c2hvcnQ="}, "InvalidArgument"),
        ({f"{CUSTOMER}-key": "not base64"}, "InvalidArgument"),
        ({f"{CUSTOMER}-key-md5": None}, "InvalidArgument"),
        ({f"{CUSTOMER}-key-md5": md5_text(KEY_B)}, "InvalidArgument"),
        ({f"{CUSTOMER}-key-md5": "\u00e9"}, "InvalidArgument"),
        ({"x-amz-server-side-encryption": "AES256"}, "InvalidArgument"),
        ({"x-amz-server-side-encryption": "aws:kms"}, "InvalidArgument"),
        ({f"{CUSTOMER}-unknown": "1"}, "NotImplemented"),
    ],
)
def test_half_a_customers_key_is_refused_and_never_shown(
    gateway: Gateway, bucket: str, change: dict[str, str | None], code: str
) -> None:
    changed = {**customer_headers(KEY_A), **change}
    headers = {name: value for name, value in changed.items() if value is not None}
    for method, target in (("PUT", f"/{bucket}/k"), ("POST", f"/{bucket}/k?uploads")):
        answer = gateway.send(method, target, headers)
        assert code_of(answer)[1] == code
        assert base64.b64encode(KEY_A) not in answer.body


def test_parts_of_an_upload_need_its_key(s3: Any, bucket: str) -> None:
    how = {"ChecksumAlgorithm": "CRC32", **customer(KEY_A)}
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", **how)
    where = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"]}
    part = {**where, "PartNumber": 1, "Body": b"1"}
    assert refused(s3.upload_part, **part) == (400, "InvalidRequest")
    assert refused(s3.upload_part, **part, **customer(KEY_B)) == (400, "InvalidRequest")
    parts = [{"ETag": s3.upload_part(**part, **customer(KEY_A))["ETag"], "PartNumber": 1}]
    done = {**where, "MultipartUpload": {"Parts": parts}}
    assert refused(s3.complete_multipart_upload, **done) == (400, "InvalidRequest")
    assert refused(s3.complete_multipart_upload, **done, **customer(KEY_B))[0] == 400
    s3.complete_multipart_upload(**done, **customer(KEY_A))
    s3.complete_multipart_upload(**done, **customer(KEY_A))


def test_completing_needs_the_key_only_where_a_checksum_was_asked_for(s3: Any, bucket: str) -> None:
    """As AWS has it, and minio-py relies on it."""
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", **customer(KEY_A))
    where = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"]}
    part = s3.upload_part(**where, PartNumber=1, Body=b"1", **customer(KEY_A))
    done = {**where, "MultipartUpload": {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}}
    assert refused(s3.complete_multipart_upload, **done, **customer(KEY_B))[0] == 400
    s3.complete_multipart_upload(**done)


def test_an_upload_without_a_customers_key_takes_none_for_its_parts(s3: Any, bucket: str) -> None:
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k")
    part = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"], "PartNumber": 1}
    assert refused(s3.upload_part, **part, Body=b"1", **customer(KEY_A)) == (400, "InvalidRequest")


@pytest.mark.parametrize("key", [None, KEY_B])
def test_the_source_of_a_copy_needs_its_key(s3: Any, bucket: str, key: bytes | None) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"bytes", **customer(KEY_A))
    copy = {"Bucket": bucket, "Key": "b", "CopySource": {"Bucket": bucket, "Key": "a"}}
    opened = customer(key, "CopySource") if key else {}
    assert refused(s3.copy_object, **copy, **opened)[0] == (403 if key else 400)
    assert refused(s3.head_object, Bucket=bucket, Key="b")[0] == 404


def test_a_key_for_a_copys_source_in_the_clear_is_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"bytes")
    copy = {"Bucket": bucket, "Key": "b", "CopySource": {"Bucket": bucket, "Key": "a"}}
    assert refused(s3.copy_object, **copy, **customer(KEY_A, "CopySource"))[0] == 400


def test_a_url_presigned_for_an_encryption_brings_it(gateway: Gateway, bucket: str) -> None:
    """botocore presigns with Signature Version 2 here, which takes headers into the query."""
    s3 = gateway.client()
    url = s3.generate_presigned_url(
        "put_object",
        {"Bucket": bucket, "Key": "k", "ServerSideEncryption": "AES256"},
    )
    target = url.partition("127.0.0.1")[2]
    in_query = "x-amz-server-side-encryption" in target.lower()
    sent = {} if in_query else {"x-amz-server-side-encryption": "AES256"}
    assert gateway.send("PUT", target, sent, b"bytes", account=None).status == 200
    assert s3.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "AES256"


# SSE-KMS


def test_kms_without_a_key_uses_the_default_one(s3: Any, bucket: str) -> None:
    written = s3.put_object(Bucket=bucket, Key="k", Body=b"b", ServerSideEncryption="aws:kms")
    assert written["SSEKMSKeyId"] == "aws/s3"


def test_a_key_may_be_named_by_its_arn(s3: Any, bucket: str) -> None:
    arn = "arn:aws:kms:us-east-1:111122223333:key/team-a"
    how = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": arn}
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"b", **how)["SSEKMSKeyId"] == "team-a"


def test_an_unknown_kms_key_is_not_found(s3: Any, bucket: str) -> None:
    how = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "nobody"}
    asked = {"Bucket": bucket, "Key": "k", **how}
    assert refused(s3.put_object, **asked, Body=b"b") == (400, "KMS.NotFoundException")
    assert refused(s3.create_multipart_upload, **asked) == (400, "KMS.NotFoundException")


def test_the_context_is_kept_and_told_to_the_writer(s3: Any, bucket: str) -> None:
    context = base64.b64encode(json.dumps({"b": "2", "a": "1"}).encode()).decode()
    asked = {"Bucket": bucket, "Key": "k", "SSEKMSEncryptionContext": context, **KMS_A}
    written = s3.put_object(**asked, Body=b"bytes", BucketKeyEnabled=True)
    told = json.loads(base64.b64decode(written["SSEKMSEncryptionContext"]))
    assert told == {"a": "1", "b": "2"}
    assert written["BucketKeyEnabled"] is True
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"bytes"
    assert got["BucketKeyEnabled"] is True


SSE = "x-amz-server-side-encryption"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({SSE: "aes:kms"}, "InvalidArgument"),
        ({SSE: ""}, "InvalidArgument"),
        ({SSE: "aws:fsx"}, "InvalidArgument"),
        ({SSE: "aws:kms:dsse"}, "NotImplemented"),
        ({f"{SSE}-aws-kms-key-id": "team-a"}, "InvalidArgument"),
        ({f"{SSE}-context": "e30="}, "InvalidArgument"),
        ({f"{SSE}-bucket-key-enabled": "true"}, "InvalidArgument"),
        ({SSE: "AES256", f"{SSE}-aws-kms-key-id": "team-a"}, "InvalidArgument"),
        ({SSE: "AES256", f"{SSE}-context": "e30="}, "InvalidArgument"),
        ({SSE: "aws:kms", f"{SSE}-context": "e30"}, "InvalidArgument"),
        ({SSE: "aws:kms", f"{SSE}-context": "WzFd"}, "InvalidArgument"),
        ({SSE: "aws:kms", f"{SSE}-bucket-key-enabled": "maybe"}, "InvalidArgument"),
        ({SSE: "aws:kms", f"{SSE}-aws-kms-key-id": ""}, "InvalidArgument"),
    ],
)
def test_headers_that_contradict_one_another_are_refused(
    gateway: Gateway, bucket: str, headers: dict[str, str], code: str
) -> None:
    assert code_of(gateway.send("PUT", f"/{bucket}/k", headers, b"bytes"))[1] == code
    assert gateway.send("HEAD", f"/{bucket}/k").status == 404


@pytest.mark.parametrize("name", [SSE, f"{SSE}-aws-kms-key-id", f"{SSE}-context"])
def test_a_reader_does_not_choose_the_encryption(gateway: Gateway, bucket: str, name: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", {}, b"bytes")
    for method in ("GET", "HEAD"):
        assert gateway.send(method, f"/{bucket}/k", {name: "AES256"}).status == 400


@pytest.mark.parametrize("header", [SSE, f"{SSE}-aws-kms-key-id"])
def test_a_part_does_not_choose_another_encryption(
    gateway: Gateway, bucket: str, header: str
) -> None:
    s3 = gateway.client()
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", ServerSideEncryption="AES256")
    target = f"/{bucket}/k?partNumber=1&uploadId={begun['UploadId']}"
    answer = gateway.send("PUT", target, {header: "aws:kms"}, b"1")
    assert code_of(answer) == (400, "InvalidArgument")
    assert gateway.send("PUT", target, {SSE: "AES256"}, b"1").status == 200


# Defaults of buckets


def default_to(s3: Any, bucket: str, algorithm: str, **more: Any) -> None:
    default = {"SSEAlgorithm": algorithm, **more}
    put_rule(s3, bucket, ApplyServerSideEncryptionByDefault=default)


def put_rule(s3: Any, bucket: str, **rule: Any) -> None:
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def rule_of(s3: Any, bucket: str) -> Any:
    answer = s3.get_bucket_encryption(Bucket=bucket)
    (rule,) = answer["ServerSideEncryptionConfiguration"]["Rules"]
    return rule


def test_a_bucket_has_no_default_until_it_is_given_one(s3: Any, bucket: str) -> None:
    missing = (404, "ServerSideEncryptionConfigurationNotFoundError")
    assert refused(s3.get_bucket_encryption, Bucket=bucket) == missing
    default_to(s3, bucket, "AES256")
    assert rule_of(s3, bucket) == {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BucketKeyEnabled": False,
    }
    s3.delete_bucket_encryption(Bucket=bucket)
    s3.delete_bucket_encryption(Bucket=bucket)
    assert refused(s3.get_bucket_encryption, Bucket=bucket) == missing


def test_the_default_encrypts_what_says_nothing(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="before", Body=b"bytes")
    put_rule(
        s3,
        bucket,
        ApplyServerSideEncryptionByDefault={"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "team-a"},
        BucketKeyEnabled=True,
    )
    written = s3.put_object(Bucket=bucket, Key="k", Body=b"bytes")
    assert shown(written) == KMS_A
    assert written["BucketKeyEnabled"] is True
    begun = s3.create_multipart_upload(Bucket=bucket, Key="m")
    assert shown(begun) == KMS_A
    copy = s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "before"})
    assert shown(copy) == KMS_A
    assert shown(s3.get_object(Bucket=bucket, Key="before")) == {}


def test_a_request_overrides_the_default(s3: Any, bucket: str) -> None:
    default_to(s3, bucket, "aws:kms", KMSMasterKeyID="team-a")
    plain = s3.put_object(Bucket=bucket, Key="k", Body=b"b", ServerSideEncryption="AES256")
    assert shown(plain) == {"ServerSideEncryption": "AES256"}
    own = s3.put_object(Bucket=bucket, Key="k", Body=b"b", **customer(KEY_A))
    assert shown(own) == expected("sse-c")


def test_a_bucket_may_refuse_customers_keys(s3: Any, bucket: str) -> None:
    put_rule(s3, bucket, BlockedEncryptionTypes={"EncryptionType": ["SSE-C"]})
    assert rule_of(s3, bucket)["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}
    how = {"Bucket": bucket, "Key": "k", **customer(KEY_A)}
    assert refused(s3.put_object, **how) == (403, "AccessDenied")
    assert refused(s3.create_multipart_upload, **how) == (403, "AccessDenied")
    s3.put_object(Bucket=bucket, Key="k", Body=b"b")
    put_rule(s3, bucket, BlockedEncryptionTypes={"EncryptionType": ["NONE"]})
    s3.put_object(**how, Body=b"b")


@pytest.mark.parametrize(
    ("algorithm", "more", "code"),
    [
        ("AES512", {}, "MalformedXML"),
        ("aws:kms:dsse", {}, "NotImplemented"),
        ("AES256", {"KMSMasterKeyID": "team-a"}, "InvalidArgument"),
    ],
)
def test_a_default_that_cannot_be_kept_is_refused(
    s3: Any, bucket: str, algorithm: str, more: dict[str, str], code: str
) -> None:
    with pytest.raises(ClientError) as error:
        default_to(s3, bucket, algorithm, **more)
    assert details(error)["Code"] == code


def test_two_rules_are_one_too_many(s3: Any, bucket: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    how = {"ServerSideEncryptionConfiguration": {"Rules": [rule, rule]}}
    assert refused(s3.put_bucket_encryption, Bucket=bucket, **how) == (400, "MalformedXML")


def test_a_new_bucket_takes_no_encryption_headers(gateway: Gateway) -> None:
    answer = gateway.send("PUT", "/bucket-sse-header", {SSE: "AES256"})
    assert code_of(answer) == (501, "NotImplemented")


# Servers without keys


def test_without_a_master_key_only_customers_keys_encrypt() -> None:
    gateway = Gateway(MemoryBackend())
    try:
        s3, bucket = gateway.client(), gateway.new_bucket()
        for scheme in ("sse-s3", "sse-kms"):
            asked = {"Bucket": bucket, "Key": "k", "Body": b"b", **SCHEMES[scheme]}
            assert refused(s3.put_object, **asked) == (501, "NotImplemented")
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        how = {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}
        assert refused(s3.put_bucket_encryption, Bucket=bucket, **how)[0] == 501
        answer = gateway.send("PUT", f"/{bucket}/k", {SSE: "AES256"}, b"b")
        assert "encryption.master_key_file" in error_of(answer)["Message"]
        s3.put_object(Bucket=bucket, Key="c", Body=b"b", **customer(KEY_A))
        assert s3.get_object(Bucket=bucket, Key="c", **customer(KEY_A))["Body"].read() == b"b"
    finally:
        gateway.close()
