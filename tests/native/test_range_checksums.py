"""Ranges with their own checksums, as the loader of AIStore verifies them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import xxhash

from s3gw.native.objects.range_checksums import KEPT_BYTES
from tests.native.scene import Scene, told

BODY = bytes(range(256)) * 2000
OF: Mapping[str, Callable[[bytes], str]] = {
    "xxhash2": lambda body: xxhash.xxh64_hexdigest(body),
    "xxhash": lambda body: xxhash.xxh64_hexdigest(body),
    "md5": lambda body: hashlib.md5(body).hexdigest(),
    "sha256": lambda body: hashlib.sha256(body).hexdigest(),
}


def bucket_of(scene: Scene, **checksum: object) -> str:
    name = scene.new_bucket()
    value = {"checksum": {"enable_read_range": True, **checksum}}
    assert scene.act("PATCH", f"buckets/{name}", "set-bprops", value).status == 200
    return name


@pytest.mark.parametrize("kind", OF)
@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", BODY[:10]),
        ("bytes=100000-", BODY[100000:]),
        ("bytes=-7", BODY[-7:]),
        ("bytes=5-300000", BODY[5:300001]),
    ],
)
def test_a_range_is_answered_with_its_own_checksum(
    scene: Scene, kind: str, asked: str, part: bytes
) -> None:
    bucket = bucket_of(scene, type=kind)
    scene.put(bucket, "k", BODY)
    answer = scene.send("GET", f"objects/{bucket}/k", headers={"range": asked})
    assert (answer.status, answer.body) == (206, part)
    assert answer.headers["ais-checksum-type"] == kind
    assert answer.headers["ais-checksum-value"] == OF[kind](part)
    whole = scene.send("GET", f"objects/{bucket}/k").headers
    assert whole["ais-checksum-value"] == OF[kind](BODY)


def test_without_the_property_the_checksum_is_the_object_s(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", BODY)
    answer = scene.send("GET", f"objects/{bucket}/k", headers={"range": "bytes=0-9"})
    assert answer.headers["ais-checksum-value"] == OF["xxhash2"](BODY)


def test_a_bucket_without_checksums_has_none_for_ranges(scene: Scene) -> None:
    bucket = bucket_of(scene, type="none")
    scene.put(bucket, "k", BODY)
    answer = scene.send("GET", f"objects/{bucket}/k", headers={"range": "bytes=0-9"})
    assert answer.status == 206
    assert "ais-checksum-value" not in answer.headers


def test_conditions_and_encryption_hold_for_ranges(scene: Scene) -> None:
    bucket = bucket_of(scene)
    scene.s3.put_object(Bucket=bucket, Key="k", Body=BODY, ServerSideEncryption="AES256")
    headers = {"range": "bytes=0-199999"}
    answer = scene.send("GET", f"objects/{bucket}/k", headers=headers)
    assert answer.headers["ais-checksum-value"] == OF["xxhash2"](BODY[:200000])
    etag = answer.headers["etag"]
    again = scene.send("GET", f"objects/{bucket}/k", headers={**headers, "if-match": etag})
    assert again.body == BODY[:200000]
    other = scene.send("GET", f"objects/{bucket}/k", headers={**headers, "if-match": '"x"'})
    assert told(other).status == 412
    stale = scene.send("GET", f"objects/{bucket}/k", headers={**headers, "if-range": '"x"'})
    assert (stale.status, stale.body) == (200, BODY)
    out = scene.send("GET", f"objects/{bucket}/k", headers={"range": "bytes=9999999-"})
    assert told(out).status == 416


@pytest.mark.parametrize(("size", "opened"), [(1, 1), (KEPT_BYTES, 1), (KEPT_BYTES + 1, 2)])
def test_a_range_is_read_once_up_to_the_bound(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, size: int, opened: int
) -> None:
    bucket = bucket_of(scene)
    body = bytes(KEPT_BYTES) + b"the end"
    scene.put(bucket, "k", body)
    real, count = scene.store.get_object, 0

    async def counted(*words: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        return await real(*words, **more)

    monkeypatch.setattr(scene.store, "get_object", counted)
    headers = {"range": f"bytes=3-{size + 2}"}
    answer = scene.send("GET", f"objects/{bucket}/k", headers=headers)
    assert answer.body == body[3 : size + 3]
    assert answer.headers["ais-checksum-value"] == OF["xxhash2"](answer.body)
    assert count == opened
