"""Appending to objects: handles, flushes, and what stays in between."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.values import UploadQuery
from tests.asgi import Answer
from tests.native.scene import Scene, told
from tests.s3.sse import KEY_A, customer_headers

HANDLE = "ais-append-handle"


def ask(
    scene: Scene, bucket: str, kind: str, handle: str, body: bytes = b"", **more: Any
) -> Answer:
    key = more.pop("key", "k")
    target = f"objects/{bucket}/{key}?provider=ais&append_type={kind}&append_handle={handle}"
    return scene.send("PUT", target, body=body, **more)


def append(scene: Scene, bucket: str, body: bytes, handle: str = "", **more: Any) -> str:
    answer = ask(scene, bucket, "append", handle, body, **more)
    assert answer.status == 200, answer.body
    return answer.headers[HANDLE]


def flush(scene: Scene, bucket: str, handle: str, **more: Any) -> Answer:
    answer = ask(scene, bucket, "flush", handle, **more)
    assert answer.status == 200, answer.body
    assert HANDLE not in answer.headers
    return answer


def read(scene: Scene, bucket: str, key: str = "k") -> bytes:
    answer = scene.send("GET", f"objects/{bucket}/{key}")
    assert answer.status == 200, answer.body
    return answer.body


def test_nothing_is_there_before_the_flush(scene: Scene, bucket: str) -> None:
    handle = append(scene, bucket, b"one, ")
    handle = append(scene, bucket, b"two", handle)
    assert scene.send("HEAD", f"objects/{bucket}/k").status == 404
    assert scene.listing(bucket)["Entries"] in (None, [])
    flush(scene, bucket, handle)
    assert read(scene, bucket) == b"one, two"


def test_an_object_keeps_what_it_had_at_its_front(scene: Scene, bucket: str) -> None:
    before = b"before" * 20_000
    scene.put(bucket, "k", before, headers={"ais-custom-md": "a=b"})
    handle = append(scene, bucket, b", after")
    assert read(scene, bucket) == before
    flush(scene, bucket, handle)
    assert read(scene, bucket) == before + b", after"
    assert scene.s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "b"}


def test_appending_goes_on_after_a_flush(scene: Scene, bucket: str) -> None:
    for piece in (b"a", b"b", b"c"):
        flush(scene, bucket, append(scene, bucket, piece))
    assert read(scene, bucket) == b"abc"


def test_an_object_of_parts_is_continued_too(scene: Scene, bucket: str) -> None:
    handle = append(scene, bucket, b"2", append(scene, bucket, b"1"))
    flush(scene, bucket, handle)
    flush(scene, bucket, append(scene, bucket, b"3"))
    assert read(scene, bucket) == b"123"


def test_what_was_appended_has_a_checksum_for_everybody(scene: Scene, bucket: str) -> None:
    flush(scene, bucket, append(scene, bucket, b"12", append(scene, bucket, b"3456")))
    found = scene.send("GET", f"objects/{bucket}/k").headers
    assert found["ais-checksum-type"] == "crc32c"
    promise = {name: found[name] for name in ("ais-checksum-type", "ais-checksum-value")}
    scene.put(bucket, "same", b"345612", headers=promise)
    by_s3 = scene.s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (by_s3["ChecksumType"], by_s3["ETag"]) == ("FULL_OBJECT", found["etag"])


def test_empty_appends_are_appends(scene: Scene, bucket: str) -> None:
    handle = append(scene, bucket, b"")
    assert append(scene, bucket, b"", handle) == handle
    flush(scene, bucket, handle)
    assert read(scene, bucket) == b""
    flush(scene, bucket, append(scene, bucket, b"x", append(scene, bucket, b"")))
    assert read(scene, bucket) == b"x"


def test_a_flush_may_bring_the_last_bytes(scene: Scene, bucket: str) -> None:
    assert ask(scene, bucket, "flush", append(scene, bucket, b"1"), b"2").status == 200
    assert read(scene, bucket) == b"12"


def test_a_flush_needs_no_length(scene: Scene, bucket: str) -> None:
    handle = append(scene, bucket, b"1")
    flush(scene, bucket, handle, headers={"content-length": ""})
    assert read(scene, bucket) == b"1"


def test_an_object_that_was_deleted_is_begun_anew(scene: Scene, bucket: str) -> None:
    scene.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    scene.put(bucket, "k", b"old")
    scene.send("DELETE", f"objects/{bucket}/k")
    flush(scene, bucket, append(scene, bucket, b"new"))
    assert read(scene, bucket) == b"new"


# Repetitions


def test_an_append_that_is_repeated_appends_once(scene: Scene, bucket: str) -> None:
    first = append(scene, bucket, b"1")
    second = append(scene, bucket, b"2", first)
    assert append(scene, bucket, b"2", first) == second
    flush(scene, bucket, second)
    assert read(scene, bucket) == b"12"


def test_a_handle_that_was_used_takes_no_other_bytes(scene: Scene, bucket: str) -> None:
    first = append(scene, bucket, b"1")
    second = append(scene, bucket, b"2", first)
    assert told(ask(scene, bucket, "append", first, b"3")).status == 409
    flush(scene, bucket, second)
    assert read(scene, bucket) == b"12"


def test_a_flush_that_is_repeated_answers_the_same(scene: Scene, bucket: str) -> None:
    handle = append(scene, bucket, b"1")
    etag = flush(scene, bucket, handle).headers["etag"]
    assert flush(scene, bucket, handle).headers["etag"] == etag
    assert read(scene, bucket) == b"1"


def test_a_flush_replaces_nothing_that_others_wrote(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"old")
    one, other = append(scene, bucket, b" and one"), append(scene, bucket, b" and other")
    new = append(scene, bucket, b"mine", key="new")
    scene.put(bucket, "new", b"theirs")
    flush(scene, bucket, one)
    for key, handle in (("k", other), ("new", new)):
        error = told(ask(scene, bucket, "flush", handle, key=key))
        assert (error.status, f"ais://{bucket}/{key}" in error.message) == (409, True)
    assert read(scene, bucket) == b"old and one"
    assert read(scene, bucket, "new") == b"theirs"
    gone = append(scene, bucket, b"x")
    scene.send("DELETE", f"objects/{bucket}/k")
    assert told(ask(scene, bucket, "flush", gone)).status == 409


# Handles


@pytest.mark.parametrize("handle", ["x", "x.y", ".1", "~.", "1.0", "no.1", "~no.1", "no.99999"])
@pytest.mark.parametrize("kind", ["append", "flush"])
def test_a_handle_that_is_none_is_refused(
    scene: Scene, bucket: str, kind: str, handle: str
) -> None:
    assert told(ask(scene, bucket, kind, handle, b"")).status in (400, 404)


def test_a_handle_is_for_one_object(scene: Scene, bucket: str) -> None:
    handle = append(scene, bucket, b"x")
    for kind in ("append", "flush"):
        error = told(ask(scene, bucket, kind, handle, b"y", key="other"))
        assert (error.status, f"ais://{bucket}/other" in error.message) == (404, True)
    other = scene.new_bucket()
    assert told(ask(scene, other, "flush", handle)).status == 404


def test_a_handle_stands_for_what_was_appended_until_then(scene: Scene, bucket: str) -> None:
    first = append(scene, bucket, b"1")
    append(scene, bucket, b"2", first)
    flush(scene, bucket, first)
    assert read(scene, bucket) == b"1"


def test_a_handle_gives_no_right(scene: Scene, bucket: str) -> None:
    handle = append(scene, bucket, b"x")
    for kind in ("append", "flush"):
        assert told(ask(scene, bucket, kind, handle, token="reader")).status == 403
    assert told(ask(scene, bucket, "append", "", b"x", token="reader")).status == 403


def test_appends_are_no_uploads_of_s3(scene: Scene, bucket: str) -> None:
    handle = append(scene, bucket, b"x", key="folder/k")
    assert "Uploads" not in scene.s3.list_multipart_uploads(Bucket=bucket)
    rolled_up = scene.s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert "CommonPrefixes" not in rolled_up
    upload = scene.act("POST", f"objects/{bucket}/folder/k", "mpt-upload").body.decode()
    (listed,) = scene.s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert listed["UploadId"] == upload
    asked = f"objects/{bucket}/folder/k?uploadId={handle.partition('.')[0]}"
    assert told(scene.send("PUT", f"{asked}&partNumber=2", body=b"x")).status == 404
    assert told(ask(scene, bucket, "flush", f"{upload}.2", key="folder/k")).status in (400, 404)


def test_an_unknown_type_is_refused(scene: Scene, bucket: str) -> None:
    assert "append_type" in told(ask(scene, bucket, "prepend", "", b"x")).message
    assert told(ask(scene, bucket, "flush", "")).status == 400
    # Without a type nothing is appended, and nothing is overwritten either.
    answer = scene.send("PUT", f"objects/{bucket}/k?append_handle=x.1", body=b"x")
    assert told(answer).status == 501


# What S3 does with any write


def test_a_promised_checksum_is_kept(scene: Scene, bucket: str) -> None:
    wrong = {"ais-checksum-type": "md5", "ais-checksum-value": "0" * 32}
    assert told(ask(scene, bucket, "append", "", b"x", headers=wrong)).status == 400
    handle = append(scene, bucket, b"x")
    assert told(ask(scene, bucket, "flush", handle, headers=wrong)).status == 501
    wrong = {"ais-checksum-type": "crc32c", "ais-checksum-value": "0" * 8}
    assert told(ask(scene, bucket, "flush", handle, headers=wrong)).status == 400
    assert scene.send("HEAD", f"objects/{bucket}/k").status == 404
    flush(scene, bucket, handle)


def test_appends_are_encrypted_as_their_bucket_says(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"clear, ")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    scene.s3.put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    flush(scene, bucket, append(scene, bucket, b"not clear"))
    flush(scene, bucket, append(scene, bucket, b" any more"))
    found = scene.s3.get_object(Bucket=bucket, Key="k")
    assert found["ServerSideEncryption"] == "AES256"
    assert found["Body"].read() == b"clear, not clear any more"


def test_a_flush_makes_a_version(scene: Scene, bucket: str) -> None:
    scene.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    scene.put(bucket, "k", b"1")
    flush(scene, bucket, append(scene, bucket, b"2"))
    versions = scene.s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [each["Size"] for each in versions] == [2, 1]


def test_tags_stay(scene: Scene, bucket: str) -> None:
    scene.s3.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging="a=b", ContentType="text/x")
    flush(scene, bucket, append(scene, bucket, b"2"))
    tags = scene.s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "a", "Value": "b"}]
    assert scene.s3.head_object(Bucket=bucket, Key="k")["ContentType"] == "text/x"


def test_an_append_over_https_takes_two_legs(scene: Scene, bucket: str) -> None:
    secure = {"x-forwarded-proto": "https", "connection": "close"}
    handle = ""
    for kind, body in (("append", b"12"), ("append", b"34"), ("flush", b"")):
        target = f"append_type={kind}&append_handle={handle}"
        first = {**secure, "content-length": str(len(body))}
        answer = scene.send("PUT", f"objects/{bucket}/k?{target}", headers=first)
        assert answer.status == 307
        second = answer.headers["location"].partition("/v1/")[2] + "&" + target
        answer = scene.send("PUT", second, body=body, headers=secure)
        assert answer.status == 200
        handle = answer.headers.get(HANDLE, "")
    assert read(scene, bucket) == b"1234"


def test_an_append_that_fails_leaves_nothing(scene: Scene, bucket: str) -> None:
    headers = {"ais-checksum-type": "md5", "ais-checksum-value": "0" * 32}
    scene.put(bucket, "k", b"before")
    assert ask(scene, bucket, "append", "", b"x", headers=headers).status == 400
    listing = scene.store.list_uploads(bucket, UploadQuery(appends=True))
    assert scene.server.run(listing).uploads == ()


def test_what_is_under_a_customers_key_needs_it_each_time(scene: Scene, bucket: str) -> None:
    key = customer_headers(KEY_A)
    scene.put(bucket, "k", b"secret, ", headers=key)
    assert told(ask(scene, bucket, "append", "", b"x")).status == 400
    handle = append(scene, bucket, b"and ", headers=key)
    assert told(ask(scene, bucket, "append", handle, b"x")).status == 400
    handle = append(scene, bucket, b"more", handle, headers=key)
    flush(scene, bucket, handle)
    assert told(scene.send("GET", f"objects/{bucket}/k")).status == 400
    answer = scene.send("GET", f"objects/{bucket}/k", headers=key)
    assert answer.body == b"secret, and more"


def test_what_was_appended_is_locked_as_a_new_object(scene: Scene) -> None:
    bucket = f"{scene.new_bucket()}-locked"
    scene.s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    scene.s3.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    scene.s3.put_object(Bucket=bucket, Key="k", Body=b"1", ObjectLockLegalHoldStatus="ON")
    flush(scene, bucket, append(scene, bucket, b"2"))
    found = scene.s3.head_object(Bucket=bucket, Key="k")
    assert found["ObjectLockMode"] == "GOVERNANCE"
    assert "ObjectLockLegalHoldStatus" not in found
    assert read(scene, bucket) == b"12"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 2), st.binary(max_size=40)),
        st.tuples(st.just("flush"), st.integers(0, 2), st.just(b"")),
        st.tuples(st.just("put"), st.just(0), st.binary(max_size=40)),
    ),
    max_size=12,
)


@given(steps=STEPS)
@settings(max_examples=60)
def test_any_writers_lose_nothing(scene: Scene, steps: list[tuple[str, int, bytes]]) -> None:
    """Three that append, and one that replaces: who began with what is there no more is refused."""
    bucket = scene.new_bucket()
    there: bytes | None = None
    etag = ""
    writing: dict[int, tuple[str, str, bytes]] = {}
    for kind, who, body in steps:
        handle, began, content = writing.get(who, ("", etag, there or b""))
        if kind == "put":
            etag, there = scene.put(bucket, "k", body).headers["etag"], body
        elif kind == "append":
            writing[who] = append(scene, bucket, body, handle), began, content + body
        elif handle:
            answer = ask(scene, bucket, "flush", handle)
            assert answer.status == (200 if began == etag else 409)
            if answer.status == 200:
                etag, there = answer.headers["etag"], content
            del writing[who]
        found = scene.send("GET", f"objects/{bucket}/k")
        assert (found.body if found.status == 200 else None) == there
