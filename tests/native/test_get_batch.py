"""GetBatch by the native path: the same answers as S3's, errors in AIStore's form."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from tests.native.scene import Scene, told


def ask(
    scene: Scene, path: str, *entries: dict[str, Any], token: str = "reader", **more: Any
) -> Any:
    request = {"in": entries, "mime": ".tar", "coer": False, "onob": False, "strm": True, **more}
    return scene.send("GET", path, request, token=token)


def members(answer: Any) -> list[tuple[str, bytes]]:
    assert answer.status == 200, answer.body
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
        return [(one.name, archive.extractfile(one).read()) for one in archive]  # type: ignore[union-attr]


def test_entries_come_in_the_order_of_the_request(scene: Scene, bucket: str) -> None:
    for key in "abc":
        scene.put(bucket, key, key.encode() * 3)
    entries = [{"objname": key, "bucket": bucket, "provider": "ais"} for key in "cabc"]
    got = members(ask(scene, "ml/moss", *entries))
    assert got == [(f"{bucket}/{key}", key.encode() * 3) for key in "cabc"]


def test_the_path_may_name_the_bucket(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "a", b"0123456789")
    answer = ask(scene, f"ml/moss/{bucket}?coloc=1", {"objname": "a", "start": 2, "length": 3})
    assert members(answer) == [(f"{bucket}/a", b"234")]


def test_a_missing_entry_is_told_by_its_name(scene: Scene, bucket: str) -> None:
    answer = ask(scene, f"ml/moss/{bucket}", {"objname": "gone"})
    assert told(answer).status == 404
    assert f"ais://{bucket}/gone" in told(answer).message


def test_a_missing_entry_can_be_passed_over(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "a", b"a")
    answer = ask(scene, f"ml/moss/{bucket}", {"objname": "gone"}, {"objname": "a"}, coer=True)
    assert members(answer) == [(f"__404__/{bucket}/gone", b""), (f"{bucket}/a", b"a")]


def test_a_missing_bucket_is_told_by_its_name(scene: Scene) -> None:
    answer = ask(scene, "ml/moss", {"objname": "a", "bucket": "no-such-bucket"})
    assert told(answer).status == 404
    assert told(answer).tcode == "ErrBckNotFound"
    assert "ais://no-such-bucket" in told(answer).message


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"in": []}', b'{"in": [{"objname": 1}]}'])
def test_what_is_no_batch_is_refused(scene: Scene, bucket: str, text: bytes) -> None:
    answer = scene.send("GET", f"ml/moss/{bucket}", body=text, token="reader")
    assert told(answer).status == 400


def test_every_bucket_must_be_readable(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "a", b"a")
    entry = {"objname": "a", "bucket": bucket}
    assert told(ask(scene, "ml/moss", entry, token="nobody")).status == 403
    assert told(ask(scene, "ml/moss", entry, token="rubbish")).status == 401


def test_other_endpoints_are_refused_by_name(scene: Scene) -> None:
    answer = ask(scene, "ml/train", {"objname": "a"})
    assert told(answer).status == 501
    assert "train" in told(answer).message
