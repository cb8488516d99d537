"""Objects by the native API, and the same objects by S3."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

import msgspec
import pytest
import xxhash

from tests.native.scene import Scene, told

BODY = bytes(range(256)) * 300
ODD_NAMES = ("a/b", "a//b", "a/", "o %?#é.txt", "...", ".a", "+ +", "a%2Fb", "日本", "x" * 1024)


def test_what_was_put_is_read(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", BODY)
    answer = scene.send("GET", f"objects/{bucket}/k")
    assert answer.body == BODY
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-length"] == str(len(BODY))


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_is_decoded_once(scene: Scene, bucket: str, name: str) -> None:
    scene.put(bucket, quote(name, safe="/"), name.encode())
    assert scene.s3.get_object(Bucket=bucket, Key=name)["Body"].read() == name.encode()
    assert [entry["n"] for entry in scene.listing(bucket)["Entries"]] == [name]


def test_s3_and_the_native_api_see_the_same_object(scene: Scene, bucket: str) -> None:
    scene.s3.put_object(Bucket=bucket, Key="by-s3", Body=BODY, ContentType="text/plain")
    assert scene.send("GET", f"objects/{bucket}/by-s3").body == BODY
    scene.put(bucket, "native", BODY)
    found = scene.s3.get_object(Bucket=bucket, Key="native")
    assert found["Body"].read() == BODY
    # The client says application/json of every request, and means its own messages.
    assert found["ContentType"] == "binary/octet-stream"


def test_a_name_that_is_too_long_is_refused(scene: Scene, bucket: str) -> None:
    answer = scene.send("PUT", f"objects/{bucket}/{'x' * 1025}", body=b"x")
    assert told(answer).status == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_missing_object_is_named_in_the_error(scene: Scene, bucket: str, method: str) -> None:
    error = told(scene.send(method, f"objects/{bucket}/no/such"))
    assert (error.status, error.tcode) == (404, "ErrNotFound")
    assert f"ais://{bucket}/no/such does not exist" in error.message


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT"])
def test_a_missing_bucket_is_named_in_the_error(scene: Scene, method: str) -> None:
    error = told(scene.send(method, "objects/nowhere/k", body=b""))
    assert (error.status, error.tcode) == (404, "ErrBckNotFound")
    assert '"ais://nowhere" does not exist' in error.message


def test_an_object_is_deleted_once(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    assert scene.send("DELETE", f"objects/{bucket}/k").status == 200
    assert scene.send("DELETE", f"objects/{bucket}/k").status == 404


# Ranges


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("0-9", 0, 10), ("10-", 10, len(BODY)), ("-7", len(BODY) - 7, len(BODY)), ("5-5", 5, 6)],
)
def test_a_range_of_bytes(scene: Scene, bucket: str, asked: str, start: int, stop: int) -> None:
    scene.put(bucket, "k", BODY)
    answer = scene.send("GET", f"objects/{bucket}/k", headers={"range": f"bytes={asked}"})
    assert (answer.status, answer.body) == (206, BODY[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(BODY)}"


def test_a_range_behind_the_end_tells_the_size(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"abc")
    answer = scene.send("GET", f"objects/{bucket}/k", headers={"range": "bytes=3-"})
    assert told(answer).status == 416
    assert answer.headers["content-range"] == "bytes */3"


def test_ranges_that_cannot_be_read_are_refused(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"abc")
    several = scene.send("GET", f"objects/{bucket}/k", headers={"range": "bytes=0-0,2-2"})
    assert told(several).status == 501
    broken = scene.send("GET", f"objects/{bucket}/k", headers={"range": "bytes=2-1"})
    assert told(broken).status == 416


def test_a_reader_may_have_it_already(scene: Scene, bucket: str) -> None:
    etag = scene.put(bucket, "k", b"abc").headers["etag"]
    answer = scene.send("GET", f"objects/{bucket}/k", headers={"if-none-match": etag})
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)


# Checksums

CHECKSUMS = {
    "xxhash2": xxhash.xxh64_hexdigest(BODY),
    "xxhash": xxhash.xxh64_hexdigest(BODY),
    "md5": hashlib.md5(BODY).hexdigest(),
    "sha256": hashlib.sha256(BODY).hexdigest(),
    "sha512": hashlib.sha512(BODY).hexdigest(),
}


@pytest.mark.parametrize("kind", CHECKSUMS)
def test_a_promised_checksum_is_kept(scene: Scene, bucket: str, kind: str) -> None:
    value = CHECKSUMS[kind]
    good = {"ais-checksum-type": kind, "ais-checksum-value": value}
    scene.put(bucket, "good", BODY, headers=good)
    wrong = {**good, "ais-checksum-value": ("0" if value[0] != "0" else "1") + value[1:]}
    answer = scene.send("PUT", f"objects/{bucket}/wrong", body=BODY, headers=wrong)
    assert (told(answer).status, told(answer).tcode) == (400, "ErrInvalidCksum")
    assert scene.send("HEAD", f"objects/{bucket}/wrong").status == 404


def test_a_checksum_that_is_none_is_refused(scene: Scene, bucket: str) -> None:
    for kind, value, status in (("md5", "abc", 400), ("md5", "zz" * 16, 400), ("crc8", "00", 501)):
        headers = {"ais-checksum-type": kind, "ais-checksum-value": value}
        answer = scene.send("PUT", f"objects/{bucket}/k", body=b"x", headers=headers)
        assert told(answer).status == status


def test_every_answer_tells_the_same_checksum(scene: Scene, bucket: str) -> None:
    put = scene.put(bucket, "k", BODY).headers
    got = scene.send("GET", f"objects/{bucket}/k").headers
    head = scene.send("HEAD", f"objects/{bucket}/k").headers
    for headers in (put, got, head):
        assert headers["ais-checksum-type"] == "xxhash2"
        assert headers["ais-checksum-value"] == CHECKSUMS["xxhash2"]


def test_objects_of_s3_show_what_aistore_knows(scene: Scene, bucket: str) -> None:
    scene.s3.put_object(Bucket=bucket, Key="plain", Body=BODY)
    scene.s3.put_object(Bucket=bucket, Key="sha", Body=BODY, ChecksumAlgorithm="SHA256")
    plain = scene.send("HEAD", f"objects/{bucket}/plain?props=checksum").headers
    assert plain["ais-checksum-type"] == "md5"
    assert plain["ais-checksum-value"] == CHECKSUMS["md5"]
    sha = scene.send("HEAD", f"objects/{bucket}/sha?props=checksum").headers
    assert (sha["ais-checksum-type"], sha["ais-checksum-value"]) == ("sha256", CHECKSUMS["sha256"])


# What HEAD tells


def test_the_old_head_tells_everything(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "dir/%C3%A9", b"abc")
    headers = scene.send("HEAD", f"objects/{bucket}/dir/%C3%A9").headers
    assert headers["content-length"] == "3"
    assert headers["ais-present"] == "true"
    assert headers["ais-name"].encode("latin-1").decode() == "dir/é"
    assert (headers["ais-bucket-name"], headers["ais-bucket-provider"]) == (bucket, "ais")
    for name in ("ais-atime", "ais-checksum-type", "ais-location", "ais-mirror-copies", "etag"):
        assert name in headers


def test_the_new_head_tells_what_is_asked(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"abc")
    few = scene.send("HEAD", f"objects/{bucket}/k?props=name,size").headers
    assert few["content-length"] == "3"
    assert {name for name in few if name.startswith("ais-")} == {"ais-present", "ais-request-id"}
    more = scene.send("HEAD", f"objects/{bucket}/k?props=atime,etag,last-modified").headers
    assert {"ais-atime", "etag", "last-modified"} <= more.keys()
    assert told(scene.send("HEAD", f"objects/{bucket}/k?props=cached")).status == 400


TOLD_BY = {
    "name": set[str](),
    "size": set[str](),
    "version": {"ais-version"},
    "checksum": {"ais-checksum-type", "ais-checksum-value"},
    "atime": {"ais-atime"},
    "copies": {"ais-mirror-copies", "ais-mirror-paths"},
    "ec": set[str](),
    "custom": {"ais-custom-md"},
    "location": {"ais-location"},
    "last-modified": {"last-modified"},
    "etag": {"etag"},
}


def test_every_property_has_its_headers(scene: Scene, bucket: str) -> None:
    scene.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    scene.put(bucket, "k", b"abc", headers={"ais-custom-md": "a=1"})
    target = f"objects/{bucket}/k"
    plain = scene.send("HEAD", f"{target}?props=size").headers.keys()
    assert "ais-present" in plain
    for prop, names in TOLD_BY.items():
        headers = scene.send("HEAD", f"{target}?props={prop}").headers
        assert headers.keys() - plain == names
        assert headers["content-length"] == "3"
    everything = scene.send("HEAD", target).headers
    assert set().union(*TOLD_BY.values()) <= everything.keys()
    assert everything["ais-mirror-copies"] == "1"
    assert everything["ais-mirror-paths"] == "/"
    assert everything["ais-location"].startswith("t[")


def test_a_presence_that_is_none_is_an_error(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    for presence in ("6", "-1", "here"):
        assert told(scene.send("HEAD", f"objects/{bucket}/k?presence={presence}")).status == 400


def test_nothing_is_outside_the_cluster(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    assert scene.send("HEAD", f"objects/{bucket}/k?props=size&presence=4").status == 200
    assert scene.send("HEAD", f"objects/{bucket}/k?props=size&presence=5").status == 404


def test_parts_of_a_multipart_upload_are_told_as_chunks(scene: Scene, bucket: str) -> None:
    upload = scene.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    where = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    part = scene.s3.upload_part(**where, PartNumber=1, Body=BODY)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    scene.s3.complete_multipart_upload(**where, MultipartUpload=parts)
    headers = scene.send("HEAD", f"objects/{bucket}/k?props=chunked").headers
    assert headers["ais-chunks-count"] == "1"


# Custom properties


def custom(scene: Scene, bucket: str, key: str) -> dict[str, str]:
    return dict(scene.s3.head_object(Bucket=bucket, Key=key)["Metadata"])


def test_custom_properties_are_s3s_metadata(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    target = f"objects/{bucket}/k"
    assert scene.act("PATCH", target, "", {"a": "1", "b": "x=y"}).status == 200
    assert custom(scene, bucket, "k") == {"a": "1", "b": "x=y"}
    assert scene.act("PATCH", target, "", {"b": "2"}).status == 200
    assert custom(scene, bucket, "k") == {"a": "1", "b": "2"}
    assert scene.act("PATCH", f"{target}?set-new-custom=True", "", {"c": "é"}).status == 200
    assert scene.send("HEAD", f"{target}?props=custom").headers["ais-custom-md"] == "c=Ã©"


def test_custom_properties_come_with_the_object(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", headers={"ais-custom-md": "a=1, b=2"})
    assert custom(scene, bucket, "k") == {"a": "1", "b": "2"}


@pytest.mark.parametrize("pairs", [{"a b": "1"}, {"": "1"}, {"a": "x\ny"}, {"a": "x" * 4096}, 7])
def test_custom_properties_that_no_header_holds_are_refused(
    scene: Scene, bucket: str, pairs: object
) -> None:
    scene.put(bucket, "k")
    assert told(scene.act("PATCH", f"objects/{bucket}/k", "", pairs)).status == 400
    assert custom(scene, bucket, "k") == {}


# Versions, locks and encryption are those of the bucket, whoever writes


def test_a_bucket_with_versions_keeps_them(scene: Scene, bucket: str) -> None:
    scene.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first, second = (scene.put(bucket, "k", body).headers for body in (b"1", b"2"))
    assert (first["ais-version"], second["ais-version"]) == ("1", "2")
    assert scene.send("GET", f"objects/{bucket}/k").headers["ais-version"] == "2"
    kept = scene.s3.list_object_versions(Bucket=bucket)["Versions"]
    assert scene.send("DELETE", f"objects/{bucket}/k").status == 200
    assert scene.send("DELETE", f"objects/{bucket}/k").status == 404
    old = scene.s3.get_object(Bucket=bucket, Key="k", VersionId=kept[-1]["VersionId"])
    assert old["Body"].read() == b"1"


def test_no_version_is_called_null(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "before")
    for status in ("Enabled", "Suspended"):
        versioning = {"Status": status}
        scene.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning)
        scene.put(bucket, status)
        scene.put(bucket, status)
    page = scene.listing(bucket, props="name,version")["Entries"]
    assert {e["n"]: e["v"] for e in page} == {"before": "1", "Enabled": "2", "Suspended": "2"}
    assert scene.send("HEAD", f"objects/{bucket}/before").headers["ais-version"] == "1"
    assert scene.put(bucket, "before").headers["ais-version"] == "2"


def test_a_bucket_that_encrypts_encrypts(scene: Scene, bucket: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    scene.s3.put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    scene.put(bucket, "k", BODY)
    assert scene.s3.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "AES256"
    assert scene.send("GET", f"objects/{bucket}/k").body == BODY


def test_a_locked_object_is_neither_removed_nor_changed(scene: Scene) -> None:
    bucket = "native-locked"
    if bucket not in [b["name"] for b in scene.json("GET", "buckets", {"action": "list"})]:
        scene.s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    scene.put(bucket, "k")
    scene.s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "ON"})
    assert told(scene.act("PATCH", f"objects/{bucket}/k", "", {"a": "1"})).status == 403
    # As in S3, a marker stands on top of it, and the version stays.
    assert scene.send("DELETE", f"objects/{bucket}/k").status == 200
    error = told(scene.act("DELETE", f"buckets/{bucket}", "destroy-bck"))
    assert error.status == 409
    assert scene.s3.list_object_versions(Bucket=bucket)["Versions"]


def test_a_cut_off_body_leaves_no_object(scene: Scene, bucket: str) -> None:
    headers = {"content-length": "10"}
    answer = scene.send("PUT", f"objects/{bucket}/k", body=b"abc", headers=headers)
    assert told(answer).status == 400
    assert scene.send("HEAD", f"objects/{bucket}/k").status == 404


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("GET", "etl_name=e"),
        ("GET", "uploadId=u"),
        ("GET", "append_type=append"),
        ("GET", "object_to=ais/@%23/b2/o"),
        ("GET", "original_url=http://x"),
        ("DELETE", "archpath=a.txt"),
        ("PUT", "archregx=x"),
        ("PUT", "etl_name=e"),
        ("PUT", "append_handle=h"),
        ("PUT", "original_url=http://x"),
        ("DELETE", "uploadId=u"),
    ],
)
def test_what_would_change_the_meaning_is_not_ignored(
    scene: Scene, bucket: str, method: str, query: str
) -> None:
    scene.put(bucket, "k", b"old")
    error = told(scene.send(method, f"objects/{bucket}/k?{query}", body=b""))
    assert (error.status, error.tcode) == (501, "ErrUnsupp")
    assert query.partition("=")[0] in error.message
    assert scene.send("GET", f"objects/{bucket}/k").body == b"old"


def test_empty_and_harmless_parameters_are_passed_over(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"old")
    query = "=x&provider=ais&archpath=&archregx=&latest-ver=true&pid=p1&provider=ais&skip_vc=true"
    assert scene.send("GET", f"objects/{bucket}/k?{query}").body == b"old"


def test_what_is_here_is_read_however_it_would_be_fetched(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"old")
    headers = {"ais-blob-download": "true", "ais-blob-chunk": "4mb", "ais-blob-workers": "8"}
    for query in ("", "latest-ver=true&validate-checksum=true&sln=true&skip_vc=true"):
        answer = scene.send("GET", f"objects/{bucket}/k?{query}", headers=headers)
        assert (answer.status, answer.body) == (200, b"old")
    assert scene.send("GET", f"objects/{bucket}/nosuch", headers=headers).status == 404


def test_there_is_nothing_to_fetch_or_to_evict(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"old")
    target = f"objects/{bucket}/k"
    for answer in (
        scene.act("POST", f"objects/{bucket}", "blob-download", {}, name="k"),
        scene.act("DELETE", target, "evict-listrange", {}),
    ):
        error = told(answer)
        assert (error.status, "no remote backend" in error.message) == (400, True)
    assert scene.act("POST", target, "check-lock").status == 200
    assert told(scene.act("POST", "objects/nowhere/k", "check-lock")).status == 404
    assert scene.send("GET", target).body == b"old"


@pytest.mark.parametrize("action", ["dance", "mpt-abort", "delete-listrange"])
def test_an_action_beside_a_deletion_deletes_nothing(
    scene: Scene, bucket: str, action: str
) -> None:
    scene.put(bucket, "k", b"old")
    assert scene.act("DELETE", f"objects/{bucket}/k", action).status in (400, 501)
    assert scene.send("DELETE", f"objects/{bucket}/k", body=b"not json").status == 400
    assert scene.send("GET", f"objects/{bucket}/k").body == b"old"


def test_an_error_of_a_head_is_one_line_of_ascii(scene: Scene, bucket: str) -> None:
    answer = scene.send("HEAD", f"objects/{bucket}/{quote('日本🙂')}")
    text = answer.headers["hdr-error"]
    assert text.isascii()
    assert text.isprintable()
    assert "日本🙂" in msgspec.json.decode(text)["message"]


# Conditions

PAST = "Thu, 01 Jan 2004 00:00:00 GMT"
FAILING = [
    {"if-match": '"other"'},
    {"if-unmodified-since": PAST},
]


@pytest.mark.parametrize("condition", FAILING)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_every_request_for_an_object_has_conditions(
    scene: Scene, bucket: str, method: str, condition: dict[str, str]
) -> None:
    scene.put(bucket, "k", b"abc")
    refused = scene.send(method, f"objects/{bucket}/k", headers=condition)
    assert told(refused).status == 412
    assert scene.send("GET", f"objects/{bucket}/k").body == b"abc"


def test_no_object_is_replaced_by_who_wants_none(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"abc")
    sent = {"if-none-match": "*"}
    refused = scene.send("PUT", f"objects/{bucket}/k", body=b"new", headers=sent)
    assert told(refused).status == 412
    assert scene.send("GET", f"objects/{bucket}/k").body == b"abc"


def test_who_has_it_already_gets_no_head(scene: Scene, bucket: str) -> None:
    etag = scene.put(bucket, "k", b"abc").headers["etag"]
    assert scene.send("HEAD", f"objects/{bucket}/k", headers={"if-none-match": etag}).status == 304


@pytest.mark.parametrize(("validator", "same"), [("E", True), ('"other"', False), (PAST, False)])
def test_a_download_is_resumed_from_the_same_object_only(
    scene: Scene, bucket: str, validator: str, same: bool
) -> None:
    etag = scene.put(bucket, "k", BODY).headers["etag"]
    sent = {"range": "bytes=10-9223372036854775807", "if-range": validator.replace("E", etag)}
    got = scene.send("GET", f"objects/{bucket}/k", headers=sent)
    assert (got.status, got.body) == ((206, BODY[10:]) if same else (200, BODY))
    assert ("content-range" in got.headers) == same


def test_custom_properties_are_metadata_in_ascii_for_s3(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"abc")
    target = f"objects/{bucket}/k"
    assert scene.act("PATCH", target, "", {"c": "ÄMÄZÕÑ S3"}).status == 200
    head = scene.s3.head_object(Bucket=bucket, Key="k")
    assert head["Metadata"] == {"c": "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="}


def test_line_ends_in_metadata_do_not_end_a_header(scene: Scene, bucket: str) -> None:
    word = "=?UTF-8?Q?a=0D=0Ab:_c?="
    scene.s3.put_object(Bucket=bucket, Key="k", Metadata={"m": word})
    head = scene.send("HEAD", f"objects/{bucket}/k")
    assert head.headers["ais-custom-md"] == f"m={word}"


def test_an_object_has_a_version_that_grows(scene: Scene, bucket: str) -> None:
    for number in ("1", "2", "3"):
        assert scene.put(bucket, "k", b"x").headers["ais-version"] == number
        for method in ("GET", "HEAD"):
            got = scene.send(method, f"objects/{bucket}/k")
            assert got.headers["ais-version"] == number
    assert scene.act("PATCH", f"objects/{bucket}/k", "", {"a": "b"}).status == 200
    assert scene.send("HEAD", f"objects/{bucket}/k").headers["ais-version"] == "3"
    scene.s3.put_object(Bucket=bucket, Key="k")
    chosen = scene.send("HEAD", f"objects/{bucket}/k?props=version")
    assert chosen.headers["ais-version"] == "4"
    page = scene.listing(bucket, props="name,version")
    assert [entry["v"] for entry in page["Entries"]] == ["4"]
    scene.send("DELETE", f"objects/{bucket}/k")
    assert scene.put(bucket, "k", b"x").headers["ais-version"] == "1"
