"""What the command line of AIStore asks about whole buckets: synchronizing copies, summaries of
all buckets, and selections without the folders below."""

from __future__ import annotations

import json
from typing import Any

from tests.native.jobs.asking import (
    attach_policy,
    copy,
    copy_bucket,
    copy_message,
    delete,
    keeping_out,
    refused,
)
from tests.native.jobs.scene import JobScene
from tests.native.scene import told


def fill(scene: JobScene, bucket: str, *names: str) -> None:
    for name in names:
        scene.put(bucket, name)


# As the command line sends it, with a filter on what is present


def test_a_copy_may_say_which_objects_are_present(scene: JobScene, bucket: str) -> None:
    fill(scene, bucket, "a")
    for presence in (0, 1, 2, 3, 4):
        new = f"{bucket}-{presence}"
        where = f"buckets/{bucket}?bck_to=ais/@%23/{new}/&presence={presence}"
        scene.done("POST", where, "copy-bck", {"prefix": ""})
        assert scene.names(new) == ["a"]
    target = scene.new_bucket()
    where = f"buckets/{bucket}?presence=2"
    scene.done("POST", where, "copy-listrange", copy_message(target, objnames=["a"]))
    assert scene.names(target) == ["a"]


def test_what_is_outside_of_the_cluster_is_not_copied(scene: JobScene, bucket: str) -> None:
    where = f"buckets/{bucket}?bck_to=ais/@%23/{bucket}-out/&presence=5"
    assert refused(scene, "POST", where, "copy-bck", {}).status == 501


# Synchronizing


def test_a_synchronized_copy_has_no_more_than_its_source(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    fill(scene, bucket, "a", "c", "in/x")
    fill(scene, target, "a", "b", "d", "in/y")
    snap = copy_bucket(scene, bucket, target, synchronize=True)
    assert not snap["aborted"]
    assert scene.names(target) == ["a", "c", "in/x"]


def test_a_synchronized_prefix_leaves_the_rest_alone(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    fill(scene, bucket, "in/x")
    fill(scene, target, "a", "in/y")
    copy_bucket(scene, bucket, target, prefix="in/", synchronize=True)
    assert scene.names(target) == ["a", "in/x"]


def test_a_synchronized_template_removes_its_own_names(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    fill(scene, bucket, "n-1")
    fill(scene, target, "n-2", "n-9")
    copy(scene, bucket, target, template="n-{1..3}", synchronize=True)
    assert scene.names(target) == ["n-1", "n-9"]


def test_a_synchronized_list_removes_nothing(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    fill(scene, bucket, "a")
    fill(scene, target, "b")
    copy(scene, bucket, target, objnames=["a"], synchronize=True)
    assert scene.names(target) == ["a", "b"]


def test_a_dry_run_synchronizes_nothing(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    fill(scene, target, "b")
    copy_bucket(scene, bucket, target, synchronize=True, dry_run=True)
    assert scene.names(target) == ["b"]


def test_many_pages_are_compared(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    names = [f"{number:04}" for number in range(1500)]
    fill(scene, target, *names)
    fill(scene, bucket, *names[::500])
    copy_bucket(scene, bucket, target, synchronize=True)
    assert scene.names(target) == names[::500]


def test_copies_cannot_be_renamed_and_synchronized(scene: JobScene, bucket: str) -> None:
    where = f"buckets/{bucket}?bck_to=ais/@%23/{bucket}-x/"
    error = refused(scene, "POST", where, "copy-bck", {"prepend": "p/", "synchronize": True})
    assert error.status == 400
    assert 'prepend option ("p/") is incompatible' in error.message


def test_synchronizing_takes_the_right_to_delete(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    attach_policy(scene, target, keeping_out(target, "s3:DeleteObject", "kept"))
    where = f"buckets/{bucket}?bck_to=ais/@%23/{target}/"
    for token in ("writer", "owner"):
        error = refused(scene, "POST", where, "copy-bck", {"synchronize": True}, token=token)
        assert error.status == 403
    scene.s3.delete_bucket_policy(Bucket=target)
    assert scene.begin("POST", where, "copy-bck", {"synchronize": True}, token="owner")


def test_one_object_may_be_copied_with_synchronize(scene: JobScene, bucket: str) -> None:
    fill(scene, bucket, "a")
    target = scene.new_bucket()
    query = f"object_to=ais/@%23/{target}/a&synchronize=true&latest-ver=true"
    assert scene.send("PUT", f"objects/{bucket}/a?{query}").status == 200
    assert scene.names(target) == ["a"]


# Without recursion

FLAT = ("x", "dir", "dirt", "dir/a", "dir/sub/b", "dirty/c")


def test_a_flat_selection_stays_out_of_the_folders_below(scene: JobScene, bucket: str) -> None:
    fill(scene, bucket, *FLAT)
    for prefix, chosen in (
        ("", ["dir", "dirt", "x"]),
        ("dir/", ["dir/a"]),
        ("dir", ["dir", "dir/a", "dirt"]),
    ):
        target = scene.new_bucket()
        copy_bucket(scene, bucket, target, prefix=prefix, **{"non-recurs": True})
        assert scene.names(target) == chosen


def test_a_flat_deletion_keeps_the_folders_below(scene: JobScene, bucket: str) -> None:
    fill(scene, bucket, *FLAT)
    delete(scene, bucket, {"template": "dir", "non-recurs": True})
    scene.run_jobs()
    assert scene.names(bucket) == ["dir/sub/b", "dirty/c", "x"]


def test_a_flat_synchronization_prunes_what_it_copies_only(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    fill(scene, target, "old", "dir/old")
    copy_bucket(scene, bucket, target, synchronize=True, **{"non-recurs": True})
    assert scene.names(target) == ["dir/old"]


def test_a_flat_archive_has_what_is_in_the_folder(scene: JobScene, bucket: str) -> None:
    fill(scene, bucket, "dir/a", "dir/sub/b")
    asked = {"template": "dir", "archname": "packed.tar", "non-recurs": True}
    snap = scene.done("PUT", f"buckets/{bucket}", "archive", asked)
    assert snap["stats"]["loc-objs"] == "1"


# Summaries of all buckets


def summaries(scene: JobScene, query: str = "", **more: Any) -> list[dict[str, Any]]:
    """As the command line asks: the path ends in a slash, and the id of the first answer is sent
    until there is a result."""
    where = f"buckets/{query}"
    value = {"uuid": "", "prefix": more.pop("prefix", ""), "cached": True, "present": True}
    begun = scene.act("GET", where, "summary-bck", value, **more)
    assert begun.status == 202, begun.body
    asked = {**value, "uuid": begun.body.decode()}
    waiting = scene.act("GET", where, "summary-bck", asked, **more)
    assert (waiting.status, waiting.body) == (202, begun.body)
    scene.run_jobs()
    answer = scene.act("GET", where, "summary-bck", asked, **more)
    assert answer.status == 200
    found: list[dict[str, Any]] = json.loads(answer.body)
    return found


def test_all_buckets_are_summarized_at_once(scene: JobScene, bucket: str) -> None:
    other = scene.new_bucket()
    scene.put(bucket, "a", b"12345")
    scene.put(bucket, "b", b"1")
    scene.put(other, "in/c", b"123")
    by_name = {each["name"]: each for each in summaries(scene)}
    assert by_name[bucket]["ObjCount"]["obj_count_present"] == "2"
    assert by_name[bucket]["TotalSize"]["size_all_present_objs"] == "6"
    assert by_name[bucket]["ObjSize"] == {
        "obj_min_size": 1,
        "obj_avg_size": 3,
        "obj_max_size": 5,
    }
    assert by_name[other]["ObjCount"]["obj_count_present"] == "1"
    by_name = {each["name"]: each for each in summaries(scene, "?provider=ais", prefix="in/")}
    assert by_name[bucket]["ObjCount"]["obj_count_present"] == "0"
    assert by_name[other]["ObjCount"]["obj_count_present"] == "1"


def test_other_providers_and_clusters_have_no_summaries(scene: JobScene, bucket: str) -> None:
    assert summaries(scene, "?provider=aws") == []
    assert summaries(scene, "?namespace=@@%23") == []


def test_a_summary_is_of_the_buckets_that_its_caller_may_list(scene: JobScene, bucket: str) -> None:
    attach_policy(scene, bucket, keeping_out(bucket, "s3:ListBucket", "*"))
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket"}
    attach_policy(scene, bucket, {**statement, "Resource": f"arn:aws:s3:::{bucket}"})
    named = {each["name"] for each in summaries(scene, token="reader")}
    assert bucket not in named
    assert bucket in {each["name"] for each in summaries(scene)}
    answer = scene.act("GET", "buckets/", "summary-bck", {}, token="nobody")
    assert told(answer).status == 403


# Names that are missing


def test_missing_names_of_a_list_are_errors_of_the_job(scene: JobScene, bucket: str) -> None:
    fill(scene, bucket, "a", "b")
    xid = delete(scene, bucket, {"objnames": ["a", "none", "b"]})
    scene.run_jobs()
    snap = scene.snap(xid)
    assert (snap["aborted"], snap["err"]) == (False, f"ais://{bucket}/none does not exist")
    assert snap["stats"]["loc-objs"] == "2"
    assert scene.ask("status", {"id": xid})["err"] == f"ais://{bucket}/none does not exist"
    assert scene.names(bucket) == []


def test_a_template_may_have_holes(scene: JobScene, bucket: str) -> None:
    fill(scene, bucket, "n-2")
    xid = delete(scene, bucket, {"template": "n-{1..3}"})
    scene.run_jobs()
    assert scene.snap(xid)["err"] == ""
    assert scene.names(bucket) == []


def test_copies_and_archives_say_what_is_missing_in_the_same_words(
    scene: JobScene, bucket: str
) -> None:
    fill(scene, bucket, "a")
    missing = f"ais://{bucket}/none does not exist"
    target = scene.new_bucket()
    assert copy(scene, bucket, target, objnames=["a", "none"])["err"] == missing
    asked = {"objnames": ["a", "none"], "archname": "packed.tar", "coer": True}
    assert scene.done("PUT", f"buckets/{bucket}", "archive", asked)["err"] == missing


# Ids


def test_ids_of_some_kinds_begin_with_aistore_s_prefix(scene: JobScene, bucket: str) -> None:
    fill(scene, bucket, "a")
    target = scene.new_bucket()
    assert copy(scene, bucket, target, objnames=["a"])["id"].startswith("tco-")
    for snap in (
        copy_bucket(scene, bucket, target),
        scene.snap(delete(scene, bucket, {"objnames": ["a"]})),
    ):
        assert snap["id"].isalnum()
    scene.run_jobs()


def test_on_the_disk_are_all_versions(scene: JobScene, bucket: str) -> None:
    versioning = {"Status": "Enabled"}
    scene.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning)
    for body in (b"12345", b"123", b"12"):
        scene.put(bucket, "k", body)
    scene.put(bucket, "gone", b"1234567")
    scene.s3.delete_object(Bucket=bucket, Key="gone")
    plain = scene.new_bucket()
    scene.put(plain, "k", b"12345")
    by_name = {each["name"]: each["TotalSize"] for each in summaries(scene)}
    assert by_name[bucket]["size_on_disk"] == "17"
    assert by_name[bucket]["size_all_present_objs"] == "2"
    assert by_name[plain]["size_on_disk"] == by_name[plain]["size_all_present_objs"] == "5"
    begun = scene.act("GET", f"buckets/{bucket}", "summary-bck", {})
    scene.run_jobs()
    asked = {"uuid": begun.body.decode()}
    (found,) = json.loads(scene.act("GET", f"buckets/{bucket}", "summary-bck", asked).body)
    assert found["TotalSize"]["size_on_disk"] == "17"
