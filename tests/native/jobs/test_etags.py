"""The kind of ETag that an object has, by each way in which it comes to be."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import xxhash

from tests.native.jobs.ways import (
    Events,
    job_archive,
    job_copy,
    job_log,
    job_promote,
    native_append,
    native_append_to_old,
    native_archive,
    native_archive_append,
    native_copy,
    native_promote,
    native_put,
    native_upload,
    s3_copied_part,
    s3_copy,
    s3_form,
    s3_put,
    s3_upload,
)

Change = Callable[[Events], None]
# What each makes, and of which sizes its parts are; None is an object that is not of parts.
BY_BUCKET: dict[Change, tuple[str, tuple[int, ...] | None]] = {
    s3_put: ("k", None),
    s3_form: ("k", None),
    s3_copy: ("k", None),
    s3_upload: ("k", (1,)),
    s3_copied_part: ("k", (1,)),
    native_copy: ("k", None),
    native_promote: ("k", None),
    job_promote: ("f", None),
    job_copy: ("copy-d/1", None),
    job_archive: ("k.tar", None),
    job_log: ("k", None),
}
# Bodies of the native API have no MD5 in any bucket.
NATIVE: dict[Change, tuple[str, tuple[int, ...] | None]] = {
    native_put: ("k", None),
    native_append: ("k", (1,)),
    native_append_to_old: ("old", (1, 1)),
    native_upload: ("k", (1,)),
    native_archive: ("k.tar", None),
    native_archive_append: ("s.tar", None),
}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Events]:
    with closing(Events(tmp_path)) as scene:
        yield scene


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def fast(content: bytes) -> str:
    return f"{xxhash.xxh3_128_hexdigest(content)}-1"


def check(
    scene: Events, key: str, sizes: tuple[int, ...] | None, kind: Callable[[bytes], str]
) -> None:
    found = scene.s3.get_object(Bucket=scene.bucket, Key=key)
    content = found["Body"].read()
    if sizes is None:
        assert found["ETag"] == f'"{kind(content)}"'
        return
    assert len(content) == sum(sizes)
    parts, at = hashlib.md5(), 0
    for size in sizes:
        parts.update(bytes.fromhex(kind(content[at : at + size]).removesuffix("-1")))
        at += size
    assert found["ETag"] == f'"{parts.hexdigest()}-{len(sizes)}"'


@pytest.mark.parametrize("change", [*BY_BUCKET, *NATIVE], ids=lambda each: str(each.__name__))
def test_no_object_has_an_md5_where_its_bucket_says_so(scene: Events, change: Change) -> None:
    value = {"etag": "checksum"}
    answer = scene.act("PATCH", f"buckets/{scene.bucket}", "set-bprops", value)
    assert answer.status == 200, answer.body
    change(scene)
    check(scene, *(BY_BUCKET | NATIVE)[change], fast)


@pytest.mark.parametrize("change", BY_BUCKET, ids=lambda each: str(each.__name__))
def test_an_object_has_an_md5_in_other_buckets(scene: Events, change: Change) -> None:
    change(scene)
    check(scene, *BY_BUCKET[change], md5)


@pytest.mark.parametrize("change", NATIVE, ids=lambda each: str(each.__name__))
def test_bodies_of_the_native_api_have_none_in_any_bucket(scene: Events, change: Change) -> None:
    change(scene)
    check(scene, *NATIVE[change], fast)
