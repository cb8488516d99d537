"""Writing, by the aistore SDK: contents, files, appending."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compat.aistore_sdk.scene import errors, get, names, new_name, put
from compat.clients.target import noise

BODY = noise(3_000_000, 1)


def test_a_file_is_put(bucket: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BODY)
    bucket.object("k").get_writer().put_file(tmp_path / "file")
    assert get(bucket, "k") == BODY


def test_an_empty_file_is_put(bucket: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bucket.object("k").get_writer().put_file(tmp_path / "file")
    assert get(bucket, "k") == b""


def test_what_is_no_file_is_told_by_the_sdk(bucket: Any, tmp_path: Path) -> None:
    for wrong in (tmp_path, tmp_path / "none"):
        with pytest.raises(ValueError, match=r"\S"):
            bucket.object("k").get_writer().put_file(wrong)


def test_a_put_is_answered_well(bucket: Any) -> None:
    assert bucket.object("k").get_writer().put_content(b"abc").status_code == 200


def test_a_content_to_nowhere(client: Any) -> None:
    with pytest.raises(errors.ErrBckNotFound):
        put(client.bucket(new_name()), "k")


def test_content_is_appended(bucket: Any) -> None:
    writer = bucket.object("k").get_writer()
    handle = writer.append_content(b"one ")
    handle = writer.append_content(b"two ", handle)
    handle = writer.append_content(b"three", handle)
    assert writer.append_content(b"", handle, flush=True) == ""
    assert get(bucket, "k") == b"one two three"


def test_what_is_appended_is_seen_after_the_flush_only(bucket: Any) -> None:
    writer = put(bucket, "k", b"old").get_writer()
    handle = writer.append_content(b" and new")
    assert get(bucket, "k") == b"old"
    writer.append_content(b"", handle, flush=True)
    assert get(bucket, "k") == b"old and new"


def test_a_new_object_is_not_there_before_the_flush(bucket: Any) -> None:
    handle = bucket.object("k").get_writer().append_content(b"abc")
    assert names(bucket) == []
    bucket.object("k").get_writer().append_content(b"", handle, flush=True)
    assert names(bucket) == ["k"]


def test_much_is_appended(bucket: Any) -> None:
    writer, handle = bucket.object("k").get_writer(), ""
    for start in range(0, len(BODY), 1_000_000):
        handle = writer.append_content(BODY[start : start + 1_000_000], handle)
    writer.append_content(b"", handle, flush=True)
    assert get(bucket, "k") == BODY
    assert bucket.object("k").props.size == len(BODY)


def test_a_handle_that_is_none_is_refused(bucket: Any) -> None:
    with pytest.raises(errors.AISError) as caught:
        bucket.object("k").get_writer().append_content(b"abc", "no-such-handle")
    assert caught.value.status_code in (400, 404)


@pytest.mark.parametrize("old", [None, b"old "])
def test_a_file_is_written_anew(bucket: Any, old: bytes | None) -> None:
    if old is not None:
        put(bucket, "k", old)
    with bucket.object("k").get_writer().as_file(mode="w") as file:
        assert file.write(b"one ") == 4
        file.write(b"two")
    assert get(bucket, "k") == b"one two"


@pytest.mark.parametrize("old", [None, b"old "])
def test_a_file_is_written_on(bucket: Any, old: bytes | None) -> None:
    if old is not None:
        put(bucket, "k", old)
    with bucket.object("k").get_writer().as_file() as file:
        file.write(b"one ")
        file.flush()
        file.write(b"two")
    assert get(bucket, "k") == (old or b"") + b"one two"


def test_a_flushed_file_can_be_read(bucket: Any) -> None:
    file = bucket.object("k").get_writer().as_file(mode="w")
    file.write(b"one")
    assert get(bucket, "k") == b""
    file.flush()
    assert get(bucket, "k") == b"one"
    file.close()


def test_a_closed_file_is_closed(bucket: Any) -> None:
    file = bucket.object("k").get_writer().as_file(mode="w")
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.write(b"x")


def test_a_mode_that_is_none_is_told_by_the_sdk(bucket: Any) -> None:
    with pytest.raises(ValueError, match="mode"):
        bucket.object("k").get_writer().as_file(mode="r")
