"""Indexes of archives, asked for over the native API."""

from __future__ import annotations

from tests.archives.made import tar
from tests.native.jobs.asking import refused
from tests.native.jobs.scene import JobScene

TAR = tar([("a.txt", b"content")])


def test_the_archives_of_a_bucket_are_indexed(scene: JobScene, bucket: str) -> None:
    for name in ("in/a.tar", "in/b.tar", "out.tar"):
        scene.put(bucket, name, TAR)
    scene.put(bucket, "in/c.txt", b"text")
    asked = {"prefix": "in/", "num-workers": 4, "skip-verify": True}
    snap = scene.done("POST", f"buckets/{bucket}", "index-shard", asked)
    assert (snap["kind"], snap["err"], snap["aborted"]) == ("index-shard", "", False)
    assert (snap["stats"]["loc-objs"], snap["ctlmsg"]) == ("2", "prefix:in/")
    assert snap["glob.id"] == str(1 | 4 << 10)
    everything = scene.done("POST", f"buckets/{bucket}", "index-shard", {})
    assert everything["stats"]["loc-objs"] == "3"
    found = scene.s3.get_object(Bucket=bucket, Key="out.tar")["Body"].read()
    assert found == TAR


def test_only_who_may_change_the_bucket_has_it_indexed(scene: JobScene, bucket: str) -> None:
    for token, status in (("reader", 403), ("writer", 403), ("patcher", 200)):
        assert scene.act("POST", f"buckets/{bucket}", "index-shard", {}, token=token).status == (
            status
        )
    scene.run_jobs()
    assert refused(scene, "POST", "buckets/never-made", "index-shard", {}).status == 404


def test_indexes_are_not_counted(scene: JobScene, bucket: str) -> None:
    error = refused(scene, "GET", f"buckets/{bucket}", "summary-shard", {})
    assert error.status == 501
    assert "summary-shard" in error.message
