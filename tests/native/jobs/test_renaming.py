"""Buckets renamed and destroyed by the native API: at once, and told as jobs."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.native.jobs.asking import NEVER, attach_policy, delete, keeping_out, notify
from tests.native.jobs.scene import JobScene
from tests.native.scene import told


@pytest.fixture
def new(scene: JobScene) -> str:
    """A name that is free."""
    name = scene.new_bucket()
    scene.act("DELETE", f"buckets/{name}", "destroy-bck")
    return name


def rename(scene: JobScene, bucket: str, new: str, **more: Any) -> Any:
    where = f"buckets/{bucket}?bck_to=ais/@%23/{new}/"
    return scene.act("POST", where, "move-bck", **more)


def renamed(scene: JobScene, bucket: str, new: str) -> str:
    answer = rename(scene, bucket, new)
    assert answer.status == 200, answer.body
    return str(answer.body.decode())


def bmd(scene: JobScene, asked: str = "daemon") -> Any:
    return scene.json("GET", f"{asked}?what=bmd")


def names(scene: JobScene) -> set[str]:
    return {each["name"] for each in scene.json("GET", "buckets", {"action": "list"})}


def conflict(scene: JobScene, bucket: str, new: str) -> str:
    error = told(rename(scene, bucket, new))
    assert error.status == 409
    assert bucket in names(scene)
    return error.message


def test_a_renamed_bucket_is_there_at_once_for_both_front_ends(
    scene: JobScene, bucket: str, new: str
) -> None:
    scene.put(bucket, "a/k", b"abc")
    renamed(scene, bucket, new)
    assert scene.names(new) == ["a/k"]
    assert scene.s3.get_object(Bucket=new, Key="a/k")["Body"].read() == b"abc"
    error = told(scene.send("GET", f"objects/{bucket}/a/k"))
    assert (error.status, error.tcode) == (404, "ErrBckNotFound")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        scene.s3.get_object(Bucket=bucket, Key="a/k")
    scene.s3.create_bucket(Bucket=bucket)
    assert scene.names(bucket) == []


def test_the_job_of_a_rename_is_over_when_it_is_told(
    scene: JobScene, bucket: str, new: str
) -> None:
    xid = renamed(scene, bucket, new)
    status = scene.ask("status", {"ID": xid})
    assert (status["kind"], status["err"], status["aborted"]) == ("move-bck", "", False)
    assert status["end_time"] > 0
    snap = scene.snap(xid)
    assert (snap["src-bck"]["name"], snap["dst-bck"]["name"]) == (bucket, new)
    assert snap["end-time"] != NEVER
    assert f"move-bck[{xid}]" not in scene.ask("running_all", {"show_active": True})
    (snaps,) = scene.ask("qryxstats", {"Kind": "rename-bucket"}).values()
    assert xid in [each["id"] for each in snaps]
    scene.run_jobs()
    assert scene.snap(xid)["err"] == ""


def test_a_name_that_is_taken_is_refused(scene: JobScene, bucket: str) -> None:
    other = scene.new_bucket()
    error = told(rename(scene, bucket, other))
    assert (error.status, error.tcode) == (409, "ErrBucketAlreadyExists")
    assert error.message == f'bucket "ais://{other}" already exists'


def test_a_bucket_that_is_not_there_is_not_renamed(scene: JobScene, new: str) -> None:
    error = told(rename(scene, "neverthere", new))
    assert (error.status, error.tcode) == (404, "ErrBckNotFound")


@pytest.mark.parametrize("to", ["", "new", "ais/@%23/", "ais/@%23/a%20b/", "ais/@%23/v1/"])
def test_a_name_that_is_none_is_refused(scene: JobScene, bucket: str, to: str) -> None:
    assert told(scene.act("POST", f"buckets/{bucket}?bck_to={to}", "move-bck")).status == 400


@pytest.mark.parametrize("to", ["aws/@%23/new/", "ais/@remote%23/new/", "ais/@%23/{b}/"])
def test_a_bucket_is_renamed_to_another_name_here(scene: JobScene, bucket: str, to: str) -> None:
    where = f"buckets/{bucket}?bck_to={to.format(b=bucket)}"
    assert told(scene.act("POST", where, "move-bck")).status == 400


@pytest.mark.parametrize("token", ["reader", "writer", "destroyer", "nobody"])
def test_who_may_not_move_or_make_buckets_renames_none(
    scene: JobScene, bucket: str, new: str, token: str
) -> None:
    assert told(rename(scene, bucket, new, token=token)).status == 403
    assert bucket in names(scene)


def test_who_may_move_and_make_buckets_renames(scene: JobScene, bucket: str, new: str) -> None:
    assert rename(scene, bucket, new, token="owner").status == 200


def test_a_bucket_that_a_job_works_on_keeps_its_name(
    scene: JobScene, bucket: str, new: str
) -> None:
    xid = delete(scene, bucket, {"template": "nothing"})
    assert f"delete-listrange[{xid}]" in conflict(scene, bucket, new)
    scene.run_jobs()
    renamed(scene, bucket, new)


def test_a_policy_that_names_the_bucket_is_removed_first(
    scene: JobScene, bucket: str, new: str
) -> None:
    attach_policy(scene, bucket, keeping_out(bucket, "s3:GetObject", "secret/*"))
    assert "policy" in conflict(scene, bucket, new)
    scene.s3.delete_bucket_policy(Bucket=bucket)
    renamed(scene, bucket, new)


def test_a_policy_about_any_bucket_goes_with_it(scene: JobScene, bucket: str, new: str) -> None:
    attach_policy(scene, bucket, keeping_out("*", "s3:GetObject", "secret/*"))
    renamed(scene, bucket, new)
    assert "secret" in scene.s3.get_bucket_policy(Bucket=new)["Policy"]


def test_a_policy_of_another_bucket_that_names_it_is_changed_first(
    scene: JobScene, bucket: str, new: str
) -> None:
    other = scene.new_bucket()
    statement = {
        **keeping_out(other, "s3:PutObject", "*"),
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    }
    attach_policy(scene, other, statement)
    assert other in conflict(scene, bucket, new)
    # A longer name is another one.
    scene.act("DELETE", f"buckets/{other}", "destroy-bck")
    renamed(scene, bucket, new)


def test_a_bucket_that_takes_access_logs_keeps_its_name(
    scene: JobScene, bucket: str, new: str
) -> None:
    logged = scene.new_bucket()
    target = {"TargetBucket": bucket, "TargetPrefix": "logs/"}
    scene.s3.put_bucket_logging(Bucket=logged, BucketLoggingStatus={"LoggingEnabled": target})
    assert logged in conflict(scene, bucket, new)
    scene.s3.put_bucket_logging(Bucket=logged, BucketLoggingStatus={})
    renamed(scene, bucket, new)


def test_properties_go_with_the_bucket(scene: JobScene, bucket: str, new: str) -> None:
    before = bmd(scene)["providers"]["ais"]["@#"][bucket]
    renamed(scene, bucket, new)
    again = scene.send("POST", f"buckets/{bucket}", {"action": "create-bck"})
    assert again.status == 200
    after = bmd(scene)["providers"]["ais"]["@#"]
    assert after[new] == before
    assert after[bucket]["bid"] != before["bid"]


def test_every_change_of_a_bucket_is_another_version_of_the_bmd(
    scene: JobScene, bucket: str, new: str
) -> None:
    seen = [int(bmd(scene)["version"])]
    scene.s3.create_bucket(Bucket=new)
    seen.append(int(bmd(scene)["version"]))
    scene.s3.put_bucket_tagging(Bucket=new, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    seen.append(int(bmd(scene)["version"]))
    scene.act("PATCH", f"buckets/{new}", "set-bprops", {"versioning": {"enabled": False}})
    seen.append(int(bmd(scene)["version"]))
    scene.act("DELETE", f"buckets/{new}", "destroy-bck")
    seen.append(int(bmd(scene)["version"]))
    renamed(scene, bucket, new)
    seen.append(int(bmd(scene)["version"]))
    assert sorted(set(seen)) == seen
    scene.put(new, "k", b"abc")
    assert bmd(scene, "cluster") == bmd(scene)
    assert int(bmd(scene)["version"]) == seen[-1]


def test_a_bucket_with_versions_and_uploads_is_destroyed(scene: JobScene, bucket: str) -> None:
    scene.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        scene.put(bucket, "k", body)
    scene.s3.delete_object(Bucket=bucket, Key="k")
    scene.s3.create_multipart_upload(Bucket=bucket, Key="big")
    assert scene.act("DELETE", f"buckets/{bucket}", "destroy-bck").status == 200
    assert bucket not in names(scene)
    scene.s3.create_bucket(Bucket=bucket)
    assert scene.s3.list_object_versions(Bucket=bucket).get("Versions", []) == []


def test_who_wants_to_hear_of_objects_hears_of_each_that_is_destroyed(
    scene: JobScene, bucket: str
) -> None:
    notify(scene, bucket)
    for key in ("a", "b"):
        scene.put(bucket, key)
    scene.events()
    assert scene.act("DELETE", f"buckets/{bucket}", "destroy-bck").status == 200
    told_of = [record["s3"]["object"]["key"] for record in scene.events()]
    assert sorted(told_of) == ["a", "b"]


def test_what_a_policy_keeps_is_not_destroyed(scene: JobScene, bucket: str) -> None:
    for key in ("kept/a", "b"):
        scene.put(bucket, key)
    attach_policy(scene, bucket, keeping_out(bucket, "s3:DeleteObject", "kept/*"))
    answer = scene.act("DELETE", f"buckets/{bucket}", "destroy-bck", token="owner")
    assert told(answer).status == 403
    assert "kept/a" in scene.names(bucket)


def test_a_bucket_that_locks_objects_is_destroyed_when_it_is_empty(scene: JobScene) -> None:
    bucket = f"{scene.new_bucket()}-lock"
    scene.s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    version = scene.s3.put_object(Bucket=bucket, Key="k", Body=b"abc")["VersionId"]
    assert told(scene.act("DELETE", f"buckets/{bucket}", "destroy-bck")).status == 409
    scene.s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert scene.act("DELETE", f"buckets/{bucket}", "destroy-bck").status == 200
