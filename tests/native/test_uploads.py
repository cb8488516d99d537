"""Multipart uploads by the native API, and the same uploads by S3."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import xxhash

from tests.asgi import Answer
from tests.native.scene import Scene, told

PIECES = (b"one", b"two" * 1000, b"3" * 40_000)


def begin(scene: Scene, bucket: str, key: str = "k", **more: Any) -> str:
    answer = scene.act("POST", f"objects/{bucket}/{key}", "mpt-upload", **more)
    assert answer.status == 200, answer.body
    return answer.body.decode()


def part(
    scene: Scene, bucket: str, upload: str, number: object, body: bytes, **more: Any
) -> Answer:
    target = f"objects/{bucket}/k?provider=ais&uploadId={upload}&partNumber={number}"
    return scene.send("PUT", target, body=body, **more)


def complete(scene: Scene, bucket: str, upload: str, numbers: list[int], **more: Any) -> Answer:
    value = [{"part-number": number, "etag": ""} for number in numbers]
    return scene.act("POST", f"objects/{bucket}/k?uploadId={upload}", "mpt-complete", value, **more)


def filled(scene: Scene, bucket: str, **more: Any) -> str:
    upload = begin(scene, bucket, **more)
    for number, body in enumerate(PIECES, 1):
        assert part(scene, bucket, upload, number, body).status == 200
    return upload


def test_all_parts_make_the_object_in_the_order_of_their_numbers(scene: Scene, bucket: str) -> None:
    upload = filled(scene, bucket)
    assert scene.send("HEAD", f"objects/{bucket}/k").status == 404
    assert complete(scene, bucket, upload, [3, 1, 2]).status == 200
    assert scene.send("GET", f"objects/{bucket}/k").body == b"".join(PIECES)


def test_the_object_has_an_etag_and_a_checksum_for_everybody(scene: Scene, bucket: str) -> None:
    answer = complete(scene, bucket, filled(scene, bucket), [1, 2, 3])
    digests = b"".join(xxhash.xxh3_128_digest(piece) for piece in PIECES)
    etag = f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert answer.headers["etag"] == etag
    read = scene.send("GET", f"objects/{bucket}/k")
    assert read.headers["ais-checksum-type"] == "crc32c"
    by_s3 = scene.s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert by_s3["ETag"] == etag
    assert by_s3["ChecksumType"] == "FULL_OBJECT"
    scene.put(
        bucket,
        "again",
        b"".join(PIECES),
        headers={
            "ais-checksum-type": "crc32c",
            "ais-checksum-value": read.headers["ais-checksum-value"],
        },
    )
    second = scene.send("GET", f"objects/{bucket}/k", headers={"range": "bytes=2-5"})
    assert second.body == b"".join(PIECES)[2:6]


def test_an_upload_is_one_of_s3s(scene: Scene, bucket: str) -> None:
    upload = begin(scene, bucket)
    (listed,) = scene.s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert (listed["UploadId"], listed["Key"]) == (upload, "k")
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    # boto3 sends a CRC32 of its own, as to any upload that named no checksum.
    scene.s3.upload_part(**named, PartNumber=1, Body=b"by S3")
    assert part(scene, bucket, upload, 2, b", and natively").status == 200
    assert len(scene.s3.list_parts(**named)["Parts"]) == 2
    assert complete(scene, bucket, upload, [1, 2]).status == 200
    assert scene.send("GET", f"objects/{bucket}/k").body == b"by S3, and natively"


def test_an_upload_of_s3_can_be_filled_and_completed_here(scene: Scene, bucket: str) -> None:
    upload = scene.s3.create_multipart_upload(Bucket=bucket, Key="k", ContentType="text/x")
    upload_id = upload["UploadId"]
    assert part(scene, bucket, upload_id, 1, b"abc").status == 200
    assert complete(scene, bucket, upload_id, [1]).status == 200
    assert scene.s3.head_object(Bucket=bucket, Key="k")["ContentType"] == "text/x"


def test_completing_twice_is_an_error(scene: Scene, bucket: str) -> None:
    upload = filled(scene, bucket)
    assert complete(scene, bucket, upload, [1, 2, 3]).status == 200
    assert told(complete(scene, bucket, upload, [1, 2, 3])).status == 404


@pytest.mark.parametrize("number", ["0", "-1", "x", "", "10001"])
def test_a_part_has_a_number(scene: Scene, bucket: str, number: str) -> None:
    answer = part(scene, bucket, begin(scene, bucket), number, b"x")
    assert told(answer).status == 400
    assert "part number" in told(answer).message


def test_an_empty_part_is_refused(scene: Scene, bucket: str) -> None:
    upload = begin(scene, bucket)
    for more in ({}, {"headers": {"content-length": "", "transfer-encoding": "chunked"}}):
        answer = part(scene, bucket, upload, 1, b"", **more)
        assert told(answer).status == 400
        assert "invalid size (0)" in told(answer).message


def test_an_upload_without_parts_has_no_chunks(scene: Scene, bucket: str) -> None:
    for numbers in ([], [1]):
        error = told(complete(scene, bucket, begin(scene, bucket), numbers))
        assert (error.status, "no chunks" in error.message) == (400, True)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([], "partial completion is not allowed"),
        ([1, 2], "partial completion is not allowed"),
        ([1, 2, 4], "partial completion is not allowed"),
        ([1, 2, 3, 4], "partial completion is not allowed"),
        ([1, 2, 2, 3], "duplicate"),
        ([1, 2, 2], "duplicate"),
    ],
)
def test_all_parts_must_be_named_once(
    scene: Scene, bucket: str, numbers: list[int], text: str
) -> None:
    upload = filled(scene, bucket)
    error = told(complete(scene, bucket, upload, numbers))
    assert (error.status, text in error.message) == (400, True)
    assert complete(scene, bucket, upload, [1, 2, 3]).status == 200


def test_a_gap_between_the_parts_is_refused(scene: Scene, bucket: str) -> None:
    upload = begin(scene, bucket)
    for number in (1, 3):
        part(scene, bucket, upload, number, b"x")
    assert "must be 1 to 2" in told(complete(scene, bucket, upload, [1, 3])).message


def test_another_etag_is_another_part(scene: Scene, bucket: str) -> None:
    upload = begin(scene, bucket)
    etag = part(scene, bucket, upload, 1, b"x").headers["etag"]
    target = f"objects/{bucket}/k?uploadId={upload}"
    for sent, status in (('"' + "0" * 32 + '"', 400), (etag, 200)):
        value = [{"part-number": 1, "etag": sent}]
        assert scene.act("POST", target, "mpt-complete", value).status == status


def test_an_unknown_upload_does_not_exist(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    target = f"objects/{bucket}/k?uploadId=nosuch"
    for answer in (
        part(scene, bucket, "nosuch", 1, b"x"),
        complete(scene, bucket, "nosuch", [1]),
        complete(scene, bucket, "nosuch", []),
        scene.act("DELETE", target, "mpt-abort"),
    ):
        error = told(answer)
        assert (error.status, "does not exist" in error.message) == (404, True)
    assert scene.send("GET", f"objects/{bucket}/k").body == b"x"


def test_an_aborted_upload_is_gone(scene: Scene, bucket: str) -> None:
    upload = filled(scene, bucket)
    target = f"objects/{bucket}/k?uploadId={upload}"
    assert scene.act("DELETE", target, "mpt-abort").status == 200
    assert told(complete(scene, bucket, upload, [1, 2, 3])).status == 404
    assert "Uploads" not in scene.s3.list_multipart_uploads(Bucket=bucket)


def test_an_upload_id_without_an_action_deletes_nothing(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    upload = begin(scene, bucket)
    assert scene.send("DELETE", f"objects/{bucket}/k?uploadId={upload}").status == 501
    assert scene.act("DELETE", f"objects/{bucket}/k", "mpt-abort").status == 501
    assert scene.send("GET", f"objects/{bucket}/k").status == 200


def test_the_upload_id_wins_over_an_append(scene: Scene, bucket: str) -> None:
    upload = begin(scene, bucket)
    target = f"objects/{bucket}/k?append_type=append&append_handle=&uploadId={upload}&partNumber=1"
    answer = scene.send("PUT", target, body=b"x")
    assert (answer.status, "ais-append-handle" in answer.headers) == (200, False)
    assert complete(scene, bucket, upload, [1]).status == 200


def test_custom_properties_come_with_the_upload(scene: Scene, bucket: str) -> None:
    upload = begin(scene, bucket, headers={"ais-custom-md": "a=b"})
    part(scene, bucket, upload, 1, b"x")
    complete(scene, bucket, upload, [1])
    assert scene.s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "b"}


def test_a_promised_checksum_of_a_part_is_kept(scene: Scene, bucket: str) -> None:
    upload = begin(scene, bucket)
    wrong = {"ais-checksum-type": "md5", "ais-checksum-value": "0" * 32}
    assert told(part(scene, bucket, upload, 1, b"x", headers=wrong)).status == 400
    good = {**wrong, "ais-checksum-value": hashlib.md5(b"x").hexdigest()}
    assert part(scene, bucket, upload, 1, b"x", headers=good).status == 200


def test_a_part_over_https_takes_two_legs(scene: Scene, bucket: str) -> None:
    upload = begin(scene, bucket)
    first = {"connection": "close", "content-length": "5", "x-forwarded-proto": "https"}
    answer = part(scene, bucket, upload, 1, b"", headers=first)
    assert answer.status == 307
    second = answer.headers["location"].partition("/v1/")[2]
    again = f"{second}&provider=ais&uploadId={upload}&partNumber=1"
    headers = {"connection": "close", "x-forwarded-proto": "https"}
    assert scene.send("PUT", again, body=b"12345", headers=headers).status == 200
    assert complete(scene, bucket, upload, [1]).status == 200


def test_parts_are_encrypted_as_their_bucket_says(scene: Scene, bucket: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    scene.s3.put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    assert complete(scene, bucket, filled(scene, bucket), [1, 2, 3]).status == 200
    found = scene.s3.get_object(Bucket=bucket, Key="k")
    assert (found["ServerSideEncryption"], found["Body"].read()) == ("AES256", b"".join(PIECES))


def test_who_may_not_write_begins_nothing(scene: Scene, bucket: str) -> None:
    target = f"objects/{bucket}/k"
    upload = begin(scene, bucket)
    assert told(scene.act("POST", target, "mpt-upload", token="reader")).status == 403
    assert told(part(scene, bucket, upload, 1, b"x", token="reader")).status == 403
    assert told(complete(scene, bucket, upload, [1], token="reader")).status == 403
    abort = f"{target}?uploadId={upload}"
    assert told(scene.act("DELETE", abort, "mpt-abort", token="reader")).status == 403
