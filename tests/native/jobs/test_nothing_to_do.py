"""Jobs that AIStore has and that have nothing to do here, or do not exist here."""

from __future__ import annotations

import json

import pytest

from tests.native.jobs.asking import NEVER
from tests.native.jobs.scene import JobScene
from tests.native.scene import told

# One copy


@pytest.mark.parametrize("copies", [1, "1"])
def test_one_copy_of_each_object_is_what_there_is(
    scene: JobScene, bucket: str, copies: object
) -> None:
    scene.put(bucket, "k")
    snap = scene.done("POST", f"buckets/{bucket}", "make-n-copies", copies)
    assert (snap["kind"], snap["bck"]["name"], snap["aborted"]) == ("make-n-copies", bucket, False)
    assert snap["end-time"] != NEVER
    assert scene.names(bucket) == ["k"]
    headers = scene.send("HEAD", f"buckets/{bucket}").headers
    mirror = json.loads(headers["ais-bucket-props"])["mirror"]
    assert (mirror["copies"], mirror["enabled"]) == (1, False)


@pytest.mark.parametrize(
    ("copies", "why"),
    [
        (2, "number of copies (2) exceeds the number of mountpaths (1)"),
        (0, "invalid num copies 0, must be in [1, 16] range"),
        (17, "invalid num copies 17, must be in [1, 16] range"),
    ],
)
def test_more_copies_than_mountpaths_cannot_be(
    scene: JobScene, bucket: str, copies: int, why: str
) -> None:
    error = told(scene.act("POST", f"buckets/{bucket}", "make-n-copies", copies))
    assert (error.status, error.message) == (400, why)


def test_copies_need_the_right_to_change_the_bucket(scene: JobScene, bucket: str) -> None:
    where = f"buckets/{bucket}"
    assert told(scene.act("POST", where, "make-n-copies", 1, token="writer")).status == 403
    assert scene.act("POST", where, "make-n-copies", 1, token="patcher").status == 200
