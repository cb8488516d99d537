"""The bucket's type of checksum: computed, kept, told, and what clients send verified."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest
import xxhash
from awscrt import checksums as crt

from tests.native.scene import Scene, told

BODY = b"some bytes " * 1000


def crc32c(body: bytes) -> str:
    return f"{crt.crc32c(body):08x}"


def xxh64(body: bytes) -> str:
    return str(xxhash.xxh64_hexdigest(body))


DIGESTS: dict[str, Callable[[bytes], str]] = {
    "xxhash2": xxh64,
    "xxhash": xxh64,
    "md5": lambda body: hashlib.md5(body).hexdigest(),
    "crc32c": crc32c,
    "sha256": lambda body: hashlib.sha256(body).hexdigest(),
    "sha512": lambda body: hashlib.sha512(body).hexdigest(),
}
ALL = (*DIGESTS, "none")


def bucket_of(scene: Scene, kind: str) -> str:
    name = scene.new_bucket()
    value = {"checksum": {"type": kind}}
    assert scene.act("PATCH", f"buckets/{name}", "set-bprops", value).status == 200
    return name


@pytest.mark.parametrize("kind", DIGESTS)
def test_an_object_has_the_checksum_of_its_buckets_type(scene: Scene, kind: str) -> None:
    bucket, value = bucket_of(scene, kind), DIGESTS[kind](BODY)
    target = f"objects/{bucket}/k"
    for answer in (
        scene.put(bucket, "k", BODY),
        scene.send("GET", target),
        scene.send("HEAD", target),
        scene.send("HEAD", f"{target}?props=checksum"),
    ):
        found = answer.headers["ais-checksum-type"], answer.headers["ais-checksum-value"]
        assert found == (kind, value)
    (entry,) = scene.listing(bucket, props="name,checksum")["Entries"]
    assert entry["cs"] == value


def test_a_bucket_of_no_type_keeps_none(scene: Scene) -> None:
    bucket = bucket_of(scene, "none")
    assert "ais-checksum-type" not in scene.put(bucket, "k", BODY).headers
    answer = scene.send("GET", f"objects/{bucket}/k")
    assert answer.body == BODY
    assert "ais-checksum-type" not in answer.headers
    # No MD5 is computed natively; its form tells clients that it is none.
    assert answer.headers["etag"] == f'"{xxhash.xxh3_128_hexdigest(BODY)}-1"'
    (entry,) = scene.listing(bucket, props="name,checksum")["Entries"]
    assert "cs" not in entry
    head = scene.s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert not [name for name in head if name.startswith("Checksum")]


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("sent", DIGESTS)
def test_what_a_client_promises_is_verified_whatever_the_bucket_keeps(
    scene: Scene, kind: str, sent: str
) -> None:
    bucket = bucket_of(scene, kind)
    headers = {"ais-checksum-type": sent, "ais-checksum-value": DIGESTS[sent](BODY)}
    scene.put(bucket, "good", BODY, headers=headers)
    error = told(scene.send("PUT", f"objects/{bucket}/bad", body=BODY + b"!", headers=headers))
    assert (error.status, error.tcode) == (400, "ErrInvalidCksum")
    assert f"ais://{bucket}/bad" in error.message
    assert scene.send("HEAD", f"objects/{bucket}/bad").status == 404


def test_an_object_keeps_its_checksum_when_the_buckets_type_changes(scene: Scene) -> None:
    bucket = bucket_of(scene, "sha256")
    scene.put(bucket, "old", BODY)
    value = {"checksum.type": "md5"}
    assert scene.act("PATCH", f"buckets/{bucket}", "set-bprops", value).status == 200
    scene.put(bucket, "new", BODY)
    kinds = [
        scene.send("HEAD", f"objects/{bucket}/{key}").headers["ais-checksum-type"]
        for key in ("old", "new")
    ]
    assert kinds == ["sha256", "md5"]


@pytest.mark.parametrize(("kind", "name"), [("sha256", "ChecksumSHA256"), ("md5", "ChecksumMD5")])
def test_s3_sees_the_checksum_under_its_own_name(scene: Scene, kind: str, name: str) -> None:
    bucket = bucket_of(scene, kind)
    scene.put(bucket, "k", BODY)
    head = scene.s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    value = base64.b64encode(bytes.fromhex(DIGESTS[kind](BODY))).decode()
    found = head["ResponseMetadata"]["HTTPHeaders"]
    assert found[f"x-amz-checksum-{name.removeprefix('Checksum').lower()}"] == value


def test_an_object_of_s3_shows_what_aistore_knows(scene: Scene) -> None:
    bucket = bucket_of(scene, "sha512")
    scene.s3.put_object(Bucket=bucket, Key="sha", Body=BODY, ChecksumAlgorithm="SHA256")
    scene.s3.put_object(Bucket=bucket, Key="crc", Body=BODY, ChecksumAlgorithm="CRC64NVME")
    shown = {
        key: scene.send("HEAD", f"objects/{bucket}/{key}").headers["ais-checksum-type"]
        for key in ("sha", "crc")
    }
    assert shown == {"sha": "sha256", "crc": "md5"}


def test_a_type_that_nobody_knows_is_no_promise(scene: Scene, bucket: str) -> None:
    headers = {"ais-checksum-type": "sha3", "ais-checksum-value": "00"}
    assert told(scene.send("PUT", f"objects/{bucket}/k", body=b"x", headers=headers)).status == 501


def test_an_object_without_a_checksum_is_like_any_other_to_s3(scene: Scene) -> None:
    bucket, s3 = bucket_of(scene, "none"), scene.s3
    scene.put(bucket, "k", BODY)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    kinds = ["ETag", "Checksum", "ObjectSize"]
    facts = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=kinds)
    assert (facts["ObjectSize"], "Checksum" in facts) == (len(BODY), False)
    listed = {each["Key"]: each for each in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert "ChecksumAlgorithm" not in listed["k"]
    for key in ("k", "copy"):
        found = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        assert found["Body"].read() == BODY


@pytest.mark.parametrize("kind", ALL)
def test_an_encrypted_object_has_the_checksum_of_its_bytes(scene: Scene, kind: str) -> None:
    bucket = bucket_of(scene, kind)
    headers = {"x-amz-server-side-encryption": "AES256"}
    scene.put(bucket, "k", BODY, headers=headers)
    answer = scene.send("GET", f"objects/{bucket}/k")
    assert answer.body == BODY
    assert answer.headers.get("ais-checksum-value") == (
        None if kind == "none" else DIGESTS[kind](BODY)
    )


def test_a_bucket_may_do_without_md5(scene: Scene) -> None:
    """Where nobody asks for one; its parts' ETags are no MD5s either."""
    bucket = scene.new_bucket()
    assert scene.act("PATCH", f"buckets/{bucket}", "set-bprops", {"etag": "checksum"}).status == 200
    fast = f'"{xxhash.xxh3_128_hexdigest(BODY)}-1"'
    assert scene.s3.put_object(Bucket=bucket, Key="k", Body=BODY)["ETag"] == fast
    assert scene.s3.head_object(Bucket=bucket, Key="k")["ETag"] == fast
    assert scene.s3.get_object(Bucket=bucket, Key="k", IfMatch=fast)["Body"].read() == BODY
    sent = base64.b64encode(hashlib.md5(BODY).digest()).decode()
    put = scene.s3.put_object(Bucket=bucket, Key="sent", Body=BODY, ContentMD5=sent)
    assert put["ETag"] == f'"{hashlib.md5(BODY).hexdigest()}"'
    upload = scene.s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    about = {"Bucket": bucket, "Key": "parts", "UploadId": upload}
    part = scene.s3.upload_part(**about, PartNumber=1, Body=BODY)["ETag"]
    assert part == fast
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    made = scene.s3.complete_multipart_upload(**about, MultipartUpload=parts)
    whole = hashlib.md5(xxhash.xxh3_128_digest(BODY)).hexdigest()
    assert made["ETag"] == f'"{whole}-1"'
    assert scene.s3.get_object(Bucket=bucket, Key="parts")["Body"].read() == BODY
