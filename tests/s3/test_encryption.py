"""Server-side encryption through the front door: what goes in comes out."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from storage.backends.memory import MemoryBackend
from tests.s3.forms import allowed, form, post
from tests.s3.gateway import Gateway, error_of
from tests.s3.sse import (
    KEY_A,
    KEY_B,
    LARGE,
    MIB,
    SCHEMES,
    customer,
    default_to,
    expected,
    reading,
    refused,
    shown,
)

every_scheme = pytest.mark.parametrize("scheme", SCHEMES)
SSE = "x-amz-server-side-encryption"


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


def test_a_form_may_ask_for_encryption(gateway: Gateway, bucket: str) -> None:
    fields = allowed(bucket, {"key": "k", SSE: "AES256"})
    assert post(gateway, bucket, form(fields, b"bytes")).status == 204
    got = gateway.client().get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["ServerSideEncryption"]) == (b"bytes", "AES256")
