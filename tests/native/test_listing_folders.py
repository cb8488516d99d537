"""Listings without recursion of a folder that is named without its slash."""

from __future__ import annotations

import json
from typing import Any

from tests.native.scene import Scene, told


def names(scene: Scene, bucket: str, **asked: Any) -> list[str]:
    return [entry["n"] for entry in scene.listing(bucket, flags="2048", **asked)["Entries"]]


def test_a_folder_without_its_slash_is_listed_inside(scene: Scene, bucket: str) -> None:
    for name in ("dir/a", "dir/sub/b", "dirfile", "dirty/c", "n/m/a", "n/m/k/b", "n/mm"):
        scene.put(bucket, name)
    assert names(scene, bucket, prefix="dir") == ["dir/a", "dir/sub/"]
    assert names(scene, bucket, prefix="dir/") == ["dir/a", "dir/sub/"]
    assert names(scene, bucket, prefix="n/m") == ["n/m/a", "n/m/k/"]
    assert names(scene, bucket, prefix="n") == ["n/m/", "n/mm"]
    assert names(scene, bucket, prefix="di") == ["dir/", "dirfile", "dirty/"]
    assert names(scene, bucket, prefix="dirf") == ["dirfile"]


def test_its_pages_are_continued(scene: Scene, bucket: str) -> None:
    for name in ("dir/a", "dir/b", "dir/sub/c", "dirty"):
        scene.put(bucket, name)
    seen, token = [], ""
    while True:
        asked = {"prefix": "dir", "flags": "2048", "pagesize": 1, "continuation_token": token}
        page = scene.listing(bucket, **asked)
        seen += [entry["n"] for entry in page["Entries"]]
        token = page["ContinuationToken"]
        if not token:
            break
    assert seen == ["dir/a", "dir/b", "dir/sub/"]


def test_with_recursion_a_prefix_is_a_prefix(scene: Scene, bucket: str) -> None:
    for name in ("dir/a", "dirty"):
        scene.put(bucket, name)
    found = scene.listing(bucket, prefix="dir")["Entries"]
    assert [entry["n"] for entry in found] == ["dir/a", "dirty"]


def test_listing_inside_takes_the_right_to_do_so(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "dir/a")
    resource = f"arn:aws:s3:::{bucket}"
    deny: dict[str, Any] = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:ListBucket",
        "Resource": resource,
    }
    deny["Condition"] = {"StringEquals": {"s3:prefix": "dir/"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    asked = {"prefix": "dir", "flags": "2048"}
    answer = scene.act("GET", f"buckets/{bucket}", "list", asked, token="reader")
    assert told(answer).status == 403
    scene.s3.delete_bucket_policy(Bucket=bucket)
