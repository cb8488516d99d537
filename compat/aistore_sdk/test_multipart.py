"""Multipart uploads, by the aistore SDK."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from compat.aistore_sdk.scene import errors, get, names, new_name, only_2, put, refused
from compat.clients.target import noise

PARTS = {number: noise(200_000 + number, number) for number in range(1, 6)}
WHOLE = b"".join(PARTS.values())


@pytest.fixture(name="upload")
def _upload(bucket: Any) -> Any:
    """Of the object `k`."""
    return bucket.object("k").multipart_upload().create()


def add(upload: Any, number: int) -> None:
    upload.add_part(number).put_content(PARTS[number])


def test_parts_become_an_object(bucket: Any, upload: Any) -> None:
    for number in PARTS:
        add(upload, number)
    assert upload.complete().status_code == 200
    assert get(bucket, "k") == WHOLE
    assert bucket.object("k").props.size == len(WHOLE)


def test_one_part_is_enough(bucket: Any, upload: Any) -> None:
    upload.add_part(1).put_content(b"abc")
    upload.complete()
    assert get(bucket, "k") == b"abc"


def test_numbers_give_the_order(bucket: Any, upload: Any) -> None:
    for number in (3, 1, 5, 2, 4):
        add(upload, number)
    upload.complete()
    assert get(bucket, "k") == WHOLE


def test_parts_come_at_once(bucket: Any, upload: Any) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: add(upload, number), PARTS))
    upload.complete()
    assert get(bucket, "k") == WHOLE


def test_parts_are_files(bucket: Any, upload: Any, tmp_path: Path) -> None:
    for number, content in PARTS.items():
        (tmp_path / str(number)).write_bytes(content)
        upload.add_part(number).put_file(tmp_path / str(number))
    upload.complete()
    assert get(bucket, "k") == WHOLE


def test_nothing_is_there_before_the_end(bucket: Any, upload: Any) -> None:
    add(upload, 1)
    assert names(bucket) == []
    upload.complete()
    assert names(bucket) == ["k"]


def test_an_upload_replaces_what_is_there(bucket: Any, upload: Any) -> None:
    put(bucket, "k", b"old")
    add(upload, 1)
    assert get(bucket, "k") == b"old"
    upload.complete()
    assert get(bucket, "k") == PARTS[1]


def test_an_upload_is_replaced(bucket: Any, upload: Any) -> None:
    add(upload, 1)
    upload.complete()
    put(bucket, "k", b"new")
    assert get(bucket, "k") == b"new"


def test_an_upload_is_given_up(bucket: Any, upload: Any) -> None:
    add(upload, 1)
    upload.abort()
    assert names(bucket) == []
    with pytest.raises(errors.AISError, match="does not exist") as caught:
        upload.complete()
    assert caught.value.status_code == 404


def test_two_uploads_do_not_know_each_other(bucket: Any, upload: Any) -> None:
    other = bucket.object("k").multipart_upload().create()
    assert other.upload_id != upload.upload_id
    add(upload, 1)
    other.add_part(1).put_content(b"the other")
    upload.complete()
    other.complete()
    assert get(bucket, "k") == b"the other"


def test_an_empty_part_is_refused(upload: Any) -> None:
    with pytest.raises(errors.AISError, match=r"invalid size \(0\)"):
        upload.add_part(1).put_content(b"")


def test_an_upload_without_parts_is_refused(upload: Any) -> None:
    with pytest.raises(errors.AISError, match="no chunks"):
        upload.complete()


def test_a_part_that_is_left_out_is_refused(upload: Any) -> None:
    for number in (1, 2):
        add(upload, number)
    upload.parts.remove(1)
    with pytest.raises(errors.AISError, match="partial completion is not allowed"):
        upload.complete()


def test_a_part_that_is_missing_is_refused(upload: Any) -> None:
    add(upload, 1)
    upload.parts.append(2)
    with pytest.raises(errors.AISError) as caught:
        upload.complete()
    assert caught.value.status_code in (400, 404)


def test_a_part_named_twice_is_refused(upload: Any) -> None:
    add(upload, 1)
    add(upload, 1)
    with pytest.raises(errors.AISError):
        upload.complete()


def test_completing_an_upload_again_changes_nothing(bucket: Any, upload: Any) -> None:
    """An answer that got lost is no reason to replace what came after it."""
    add(upload, 1)
    upload.complete()
    put(bucket, "k", b"new")
    with suppress(errors.AISError):
        upload.complete()
    assert get(bucket, "k") == b"new"


def test_a_number_that_is_left_out_is_refused(upload: Any) -> None:
    add(upload, 2)
    with refused(400):
        upload.complete()


def test_an_upload_that_is_none_is_refused(upload: Any) -> None:
    upload.upload_id = "no-such-upload"
    with pytest.raises(errors.AISError) as caught:
        add(upload, 1)
    assert caught.value.status_code in (400, 404)


def test_an_upload_to_nowhere(client: Any) -> None:
    with pytest.raises(errors.ErrBckNotFound):
        client.bucket(new_name()).object("k").multipart_upload().create()


def test_a_part_of_no_upload_is_told_by_the_sdk(bucket: Any) -> None:
    with pytest.raises(ValueError, match="not created"):
        bucket.object("k").multipart_upload().add_part(1)


@pytest.mark.parametrize("number", [0, -1, "1"])
def test_a_number_that_is_none_is_told_by_the_sdk(upload: Any, number: Any) -> None:
    with pytest.raises(ValueError, match="positive"):
        upload.add_part(number)


@only_2
def test_parts_are_told_as_chunks(bucket: Any, upload: Any) -> None:
    for number in PARTS:
        add(upload, number)
    upload.complete()
    chunks = bucket.object("k").head("chunked").chunks
    assert (chunks.chunk_count, chunks.max_chunk_size) == (5, 200_005)
    with bucket.object("k").get_reader(num_workers=2).read_all() as read:
        assert read.tobytes() == WHOLE
