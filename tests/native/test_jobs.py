"""Jobs over the native API: asked for, watched, listed, stopped; and what they do to objects."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.jobs import registry
from s3gw.encryption.ring import new_ring
from tests.native.job_scene import JobScene
from tests.native.scene import told
from tests.s3.conftest import backend_of

_NEVER = "0001-01-01T00:00:00Z"
_HOOK = "arn:aws:sqs:us-east-1:123456789012:hook"


@pytest.fixture(scope="module", params=["memory", "local"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JobScene]:
    ring = new_ring(tmp_path_factory.mktemp("keys") / "keyring.json", os.urandom(32))
    with backend_of(request.param, tmp_path_factory.mktemp("store")) as backend:
        scene = JobScene(backend, ring, tmp_path_factory.mktemp("jobs"))
        yield scene
        scene.close()


@pytest.fixture
def bucket(scene: JobScene) -> str:
    return scene.new_bucket()


def delete(scene: JobScene, bucket: str, value: Any, **more: Any) -> str:
    return scene.begin("DELETE", f"buckets/{bucket}", "delete-listrange", value, **more)


def copy_message(target: str, **more: Any) -> dict[str, Any]:
    """As the Python client writes it."""
    return {
        "prefix": "",
        "prepend": "",
        "dry_run": False,
        "force": False,
        "latest-ver": False,
        "synchronize": False,
        "coer": False,
        "tobck": {"name": target, "provider": "ais", "namespace": None},
        **more,
    }


def copy(scene: JobScene, bucket: str, target: str, **more: Any) -> dict[str, Any]:
    """The snapshot of a copy that is done."""
    asked = copy_message(target, **more)
    return scene.done("POST", f"buckets/{bucket}", "copy-listrange", asked)


def copy_bucket(scene: JobScene, bucket: str, target: str, **more: Any) -> dict[str, Any]:
    where = f"buckets/{bucket}?bck_to=ais/@%23/{target}/"
    return scene.done("POST", where, "copy-bck", more)


def refused(scene: JobScene, method: str, where: str, action: str, value: Any, **more: Any) -> Any:
    return told(scene.act(method, where, action, value, **more))


def attach_policy(scene: JobScene, bucket: str, *statements: dict[str, Any]) -> None:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))


def keeping_out(bucket: str, action: str, key: str) -> dict[str, Any]:
    resource = f"arn:aws:s3:::{bucket}/{key}"
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource}


# What a job's snapshot says


def test_a_job_is_there_as_soon_as_its_id_is_told(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "a")
    answer = scene.act("DELETE", f"buckets/{bucket}", "delete-listrange", {"objnames": ["a"]})
    xid = answer.body.decode()
    assert answer.headers["content-type"] == "text/plain"
    assert xid.isalnum()
    assert len(xid) >= 9
    snap = scene.snap(xid)
    assert snap["end-time"] == _NEVER
    assert snap["start-time"] == "2033-05-18T03:33:20.000000000Z"
    status = scene.ask("status", {"ID": xid})
    assert status == {
        "kind": "delete-listrange",
        "uuid": xid,
        "err": "",
        "end_time": 0,
        "aborted": False,
    }


def test_a_snapshot_has_all_that_clients_read(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "a", b"12345")
    scene.run_jobs()
    snap = copy(scene, bucket, scene.new_bucket(), objnames=["a"], **{"num-workers": 3})
    target = snap["dst-bck"]["name"]
    there = {"name": bucket, "provider": "ais", "namespace": {"uuid": "", "name": ""}}
    assert snap == {
        "id": snap["id"],
        "kind": "copy-listrange",
        "start-time": snap["start-time"],
        "end-time": _NEVER,
        "bck": there,
        "src-bck": there,
        "dst-bck": {**there, "name": target},
        "ctlmsg": "",
        "abort-err": "",
        "err": "",
        "glob.id": str(1 | 3 << 10),
        "stats": {
            "loc-objs": "1",
            "loc-bytes": "5",
            "out-objs": "0",
            "out-bytes": "0",
            "in-objs": "0",
            "in-bytes": "0",
        },
        "aborted": False,
        "is_idle": True,
        "ext": None,
    }


def test_a_copy_of_a_list_idles_among_the_running_jobs(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "a")
    snap = copy(scene, bucket, scene.new_bucket(), objnames=["a"])
    named = f"copy-listrange[{snap['id']}]"
    assert named in scene.ask("running_all", {"kind": "", "node": "", "show_active": True})
    scene.clock.advance_s(60)
    scene.run_jobs()
    assert named not in scene.ask("running_all", {"show_active": True})
    snap = scene.snap(snap["id"])
    assert (snap["is_idle"], snap["aborted"]) == (False, False)
    assert snap["end-time"] != _NEVER


def test_a_query_is_read_in_any_case(scene: JobScene, bucket: str) -> None:
    xid = delete(scene, bucket, {"template": "nothing"})
    scene.run_jobs()
    for name in ("ID", "id", "Id"):
        assert scene.ask("status", {name: xid, "Kind": "", "Bck": None})["uuid"] == xid
    for asked in (
        {"Kind": "delete-listrange", "Bck": {"name": bucket, "provider": "ais"}},
        {"kind": "delete-objects", "Buckets": [{"Name": bucket}], "DaemonID": ""},
    ):
        (snaps,) = scene.ask("qryxstats", asked).values()
        assert [snap["id"] for snap in snaps] == [xid]
        assert scene.ask("status", asked)["uuid"] == xid


def test_statuses_are_listed_by_kind_and_by_what_is_active(scene: JobScene, bucket: str) -> None:
    scene.run_jobs()
    xid = delete(scene, bucket, {"template": "nothing"})
    asked = {"kind": "delete-listrange", "node": "", "show_active": True}
    assert [each["uuid"] for each in scene.ask("status_all", asked)] == [xid]
    scene.run_jobs()
    assert scene.ask("status_all", asked) is None
    finished = scene.ask("status_all", {**asked, "show_active": False})
    (mine,) = [each for each in finished if each["uuid"] == xid]
    assert mine["end_time"] > 0


@pytest.mark.parametrize("what", ["status", "qryxstats"])
@pytest.mark.parametrize(
    "asked", [{"ID": "neverthere1"}, {"Kind": "lru", "Bck": {"name": "none"}}, {"node": "tXYZ"}]
)
def test_a_job_that_is_not_there_is_404(scene: JobScene, what: str, asked: Any) -> None:
    error = told(scene.send("GET", f"cluster?what={what}", asked))
    assert error.status == 404
    assert "not found" in error.message


@pytest.mark.parametrize("asked", [{"ID": 7}, {"Bck": "b"}, {"Buckets": "b"}, {"Kind": "nonsense"}])
def test_a_query_that_is_none_is_400(scene: JobScene, asked: Any) -> None:
    assert told(scene.send("GET", "cluster?what=qryxstats", asked)).status == 400


# Starting and stopping


@pytest.mark.parametrize("kind", ["lru", "cleanup", "cleanup-store"])
def test_a_job_is_started_by_either_name(scene: JobScene, kind: str) -> None:
    value = {"ID": "", "Kind": kind, "DaemonID": "", "Bck": None, "Buckets": None}
    snap = scene.done("PUT", "cluster", "start", value)
    assert kind in (snap["kind"], "cleanup")
    assert snap["end-time"] != _NEVER


def test_cleaning_up_cleans(scene: JobScene) -> None:
    before = scene.rounds
    scene.done("PUT", "cluster", "start", {"Kind": "cleanup"})
    assert scene.rounds == before + 1


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("rebalance", 501),
        ("resilver", 501),
        ("ec-bucket", 501),
        ("prefetch-listrange", 501),
        ("copy-bck", 400),
        ("nonsense", 400),
        ("", 400),
    ],
)
def test_what_cannot_be_started_is_refused_by_its_name(
    scene: JobScene, kind: str, status: int
) -> None:
    error = refused(scene, "PUT", "cluster", "start", {"Kind": kind})
    assert error.status == status
    assert kind in error.message or kind == "ec-bucket"


def test_forced_eviction_is_refused(scene: JobScene) -> None:
    assert refused(scene, "PUT", "cluster?frc=true", "start", {"Kind": "lru"}).status == 501
    assert scene.act("PUT", "cluster?frc=false", "start", {"Kind": "lru"}).status == 200


def test_only_administrators_start_jobs(scene: JobScene) -> None:
    error = refused(scene, "PUT", "cluster", "start", {"Kind": "lru"}, token="owner")
    assert error.status == 403


def test_who_began_a_job_may_stop_it_and_others_may_not(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "a")
    xid = delete(scene, bucket, {"objnames": ["a"]}, token="writer")
    assert refused(scene, "PUT", "cluster", "stop", {"ID": xid}, token="owner").status == 403
    assert scene.act("PUT", "cluster", "stop", {"ID": xid}, token="writer").status == 200
    scene.run_jobs()
    snap = scene.snap(xid)
    assert (snap["aborted"], scene.names(bucket)) == (True, ["a"])
    assert scene.ask("status", {"ID": xid})["aborted"]


def test_all_jobs_of_a_kind_are_stopped(scene: JobScene, bucket: str) -> None:
    xids = [delete(scene, bucket, {"template": ""}) for _ in range(3)]
    assert scene.act("PUT", "cluster", "stop", {"Kind": "delete-objects"}).status == 200
    scene.run_jobs()
    assert all(scene.snap(xid)["aborted"] for xid in xids)
    assert scene.act("PUT", "cluster", "stop", {"Kind": "delete-objects"}).status == 200


def test_stopping_nothing_is_refused(scene: JobScene) -> None:
    assert refused(scene, "PUT", "cluster", "stop", {}).status == 400
    assert refused(scene, "PUT", "cluster", "stop", {"ID": "neverthere1"}).status == 404


def test_a_job_is_seen_by_who_began_it_and_who_may_use_its_bucket(
    scene: JobScene, bucket: str
) -> None:
    xid = delete(scene, bucket, {"template": "nothing"}, token="writer")
    for token in ("admin", "reader", "writer"):
        assert scene.snap(xid, token=token)["id"] == xid
    scene.act("PATCH", f"buckets/{bucket}", "set-bprops", {"access": "0"})
    assert scene.snap(xid, token="writer")["id"] == xid
    asked = {"ID": xid}
    assert told(scene.send("GET", "cluster?what=status", asked, token="reader")).status == 404
    assert told(scene.send("GET", "cluster?what=status", asked, token="nobody")).status == 403


# Deleting


def test_lists_templates_and_prefixes_are_deleted(scene: JobScene, bucket: str) -> None:
    for name in ("p1", "p2", "p3", "q/1", "q/2", "r", "é %"):
        scene.s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    for value, left in (
        ({"objnames": ["é %"]}, ["p1", "p2", "p3", "q/1", "q/2", "r"]),
        ({"template": "p{1..3..2}"}, ["p2", "q/1", "q/2", "r"]),
        ({"template": "q/"}, ["p2", "r"]),
        ({"template": ""}, []),
    ):
        delete(scene, bucket, value)
        scene.run_jobs()
        assert scene.names(bucket) == left


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"objnames": []},
        {"objnames": [""]},
        {"objnames": ["x" * 1025]},
        {"objnames": "a"},
        {"template": "a{1..0}"},
        {"template": "a{0..99999999}"},
    ],
)
def test_a_selection_that_is_none_deletes_nothing(scene: JobScene, bucket: str, value: Any) -> None:
    scene.put(bucket, "a")
    error = refused(scene, "DELETE", f"buckets/{bucket}", "delete-listrange", value)
    assert error.status == 400
    scene.run_jobs()
    assert scene.names(bucket) == ["a"]


def test_deleting_needs_the_right(scene: JobScene, bucket: str) -> None:
    value = {"template": ""}
    where = f"buckets/{bucket}"
    assert refused(scene, "DELETE", where, "delete-listrange", value, token="reader").status == 403
    missing = refused(scene, "DELETE", "buckets/none-such", "delete-listrange", value)
    assert (missing.status, missing.tcode) == (404, "ErrBckNotFound")


def test_a_policy_is_asked_about_each_name_of_a_list(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "free/a")
    scene.put(bucket, "kept/a")
    attach_policy(scene, bucket, keeping_out(bucket, "s3:DeleteObject", "kept/*"))
    where = f"buckets/{bucket}"
    for value in ({"objnames": ["free/a", "kept/a"]}, {"template": "free/"}, {"template": ""}):
        error = refused(scene, "DELETE", where, "delete-listrange", value, token="writer")
        assert error.status == 403
    delete(scene, bucket, {"objnames": ["free/a"]}, token="writer")
    scene.run_jobs()
    assert scene.names(bucket) == ["kept/a"]


def test_a_deletion_is_announced_as_s3s_is(scene: JobScene, bucket: str) -> None:
    _notify(scene, bucket)
    scene.put(bucket, "a")
    delete(scene, bucket, {"objnames": ["a", "never"]}, token="writer")
    scene.run_jobs()
    events = [(e["eventName"], e["s3"]["object"]["key"]) for e in scene.events()]
    assert ("ObjectRemoved:Delete", "a") in events
    assert "never" not in [key for _, key in events]


def _notify(scene: JobScene, bucket: str) -> None:
    rule = {"QueueArn": _HOOK, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    scene.s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [rule]},
        SkipDestinationValidation=True,
    )
    scene.events()


# Copying


def test_a_copy_is_the_same_object_under_another_name(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    scene.s3.put_object(
        Bucket=bucket,
        Key="a",
        Body=b"hello",
        ContentType="text/x-thing",
        CacheControl="no-store",
        Metadata={"color": "red"},
        Tagging="k=v",
        ChecksumAlgorithm="SHA256",
    )
    snap = copy(scene, bucket, target, objnames=["a"], prepend="new/")
    assert snap["stats"]["loc-objs"] == "1"
    source = scene.s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    made = scene.s3.get_object(Bucket=target, Key="new/a", ChecksumMode="ENABLED")
    assert made["Body"].read() == b"hello"
    for what in ("ContentType", "CacheControl", "Metadata", "ETag", "ChecksumSHA256"):
        assert made[what] == source[what]
    tags = scene.s3.get_object_tagging(Bucket=target, Key="new/a")["TagSet"]
    assert tags == [{"Key": "k", "Value": "v"}]


def test_a_bucket_is_copied_into_one_that_is_made_for_it(scene: JobScene, bucket: str) -> None:
    for name in ("in/a", "in/b", "out"):
        scene.put(bucket, name)
    new = f"{bucket}-new"
    snap = copy_bucket(scene, bucket, new, prefix="in/", prepend="x-")
    assert scene.names(new) == ["x-in/a", "x-in/b"]
    assert snap["dst-bck"]["name"] == new
    assert snap["end-time"] != _NEVER
    copy_bucket(scene, bucket, new)
    assert scene.names(new) == ["in/a", "in/b", "out", "x-in/a", "x-in/b"]


def test_a_dry_run_makes_neither_objects_nor_the_bucket(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "a", b"12345")
    snap = copy_bucket(scene, bucket, f"{bucket}-dry", dry_run=True)
    assert (snap["stats"]["loc-objs"], snap["stats"]["loc-bytes"]) == ("1", "5")
    assert scene.send("HEAD", f"buckets/{bucket}-dry").status == 404


def test_encrypted_objects_are_copied_and_encrypted_as_the_target_says(
    scene: JobScene, bucket: str
) -> None:
    target = scene.new_bucket()
    body = os.urandom(100_000)
    scene.s3.put_object(Bucket=bucket, Key="a", Body=body, ServerSideEncryption="AES256")
    scene.s3.put_object(Bucket=bucket, Key="clear", Body=body)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    scene.s3.put_bucket_encryption(
        Bucket=target, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    copy(scene, bucket, target, objnames=["a", "clear"])
    for name in ("a", "clear"):
        made = scene.s3.get_object(Bucket=target, Key=name)
        assert made["ServerSideEncryption"] == "aws:kms"
        assert made["Body"].read() == body


def test_what_is_under_a_customers_key_is_not_copied_and_told(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    scene.s3.put_object(Bucket=bucket, Key="a", Body=b"x", **key)
    scene.put(bucket, "b")
    ended = copy(scene, bucket, target, objnames=["a"])
    assert ended["aborted"]
    assert ended["abort-err"].startswith("a: ")
    gone_on = copy(scene, bucket, target, objnames=["a", "b"], coer=True)
    assert (gone_on["aborted"], gone_on["stats"]["loc-objs"]) == (False, "1")
    assert gone_on["err"].startswith("a: ")
    assert scene.names(target) == ["b"]


def test_a_copy_takes_the_targets_lock_and_versions(scene: JobScene, bucket: str) -> None:
    target = f"{bucket}-locked"
    scene.s3.create_bucket(Bucket=target, ObjectLockEnabledForBucket=True)
    days = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    scene.s3.put_object_lock_configuration(
        Bucket=target,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": days},
    )
    scene.put(bucket, "a")
    copy(scene, bucket, target, objnames=["a"])
    made = scene.s3.head_object(Bucket=target, Key="a")
    assert made["ObjectLockMode"] == "GOVERNANCE"
    assert made["VersionId"] != "null"


def test_copying_needs_rights_on_both_sides(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "a")
    target = scene.new_bucket()
    where = f"buckets/{bucket}"
    message = copy_message(target, objnames=["a"])
    for token in ("nobody", "reader", "destroyer"):
        assert refused(scene, "POST", where, "copy-listrange", message, token=token).status == 403
    assert scene.begin("POST", where, "copy-listrange", message, token="writer")
    # To make a bucket is another right.
    fresh = copy_message(f"{bucket}-fresh", objnames=["a"])
    assert refused(scene, "POST", where, "copy-listrange", fresh, token="writer").status == 403
    assert scene.send("HEAD", f"buckets/{bucket}-fresh").status == 404
    assert scene.begin("POST", where, "copy-listrange", fresh, token="owner")


def test_policies_of_both_buckets_are_asked_about_each_name(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "free")
    scene.put(bucket, "kept")
    target = scene.new_bucket()
    attach_policy(scene, bucket, keeping_out(bucket, "s3:GetObject", "kept"))
    attach_policy(scene, target, keeping_out(target, "s3:PutObject", "no/*"))
    where = f"buckets/{bucket}"
    for message in (
        copy_message(target, objnames=["free", "kept"]),
        copy_message(target, template=""),
        copy_message(target, objnames=["free"], prepend="no/"),
    ):
        error = refused(scene, "POST", where, "copy-listrange", message, token="writer")
        assert error.status == 403
    good = copy_message(target, objnames=["free"])
    scene.done("POST", where, "copy-listrange", good, token="writer")
    assert scene.names(target) == ["free"]


def test_a_copy_is_announced_as_s3s_is(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    _notify(scene, target)
    scene.put(bucket, "a")
    copy(scene, bucket, target, objnames=["a"])
    (event,) = scene.events()
    assert event["eventName"] == "ObjectCreated:Copy"
    assert event["s3"]["bucket"]["name"] == target


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"synchronize": True}, 501),
        ({"ext": {"jpg": "txt"}}, 501),
        ({"id": "my-etl"}, 501),
        ({"prefix": "p"}, 400),
        ({"tobck": {"name": "b", "provider": "aws"}}, 501),
        ({"tobck": {"name": "../b", "provider": "ais"}}, 400),
        ({"tobck": {"name": "b", "provider": "moon"}}, 400),
    ],
)
def test_a_copy_that_cannot_be_made_as_asked_is_refused(
    scene: JobScene, bucket: str, more: dict[str, Any], status: int
) -> None:
    message = copy_message("target", objnames=["a"]) | more
    error = refused(scene, "POST", f"buckets/{bucket}", "copy-listrange", message)
    assert error.status == status


def test_a_bucket_is_not_copied_onto_itself(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "a")
    where = f"buckets/{bucket}"
    for message in (
        copy_message(bucket, objnames=["a"]),
        copy_message(bucket, template="", prepend="x/"),
    ):
        assert refused(scene, "POST", where, "copy-listrange", message).status == 400
    there = f"{where}?bck_to=ais/@%23/{bucket}/"
    assert refused(scene, "POST", there, "copy-bck", {"prepend": "x/"}).status == 400
    copy(scene, bucket, bucket, objnames=["a"], prepend="x/")
    assert scene.names(bucket) == ["a", "x/a"]


@pytest.mark.parametrize("to", ["", "nonsense", "ais/@%23/", "moon/@%23/b/"])
def test_a_copy_to_nowhere_is_400(scene: JobScene, bucket: str, to: str) -> None:
    where = f"buckets/{bucket}?bck_to={to}"
    assert refused(scene, "POST", where, "copy-bck", {}).status == 400


# Counting


def test_a_summary_is_told_once_it_is_counted(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "in/a", b"1")
    scene.put(bucket, "in/b", b"12345")
    scene.put(bucket, "out", b"123")
    asked = {"uuid": "", "prefix": "in/", "cached": True, "present": True}
    first = scene.act("GET", f"buckets/{bucket}", "summary-bck", asked)
    assert first.status == 202
    asked["uuid"] = first.body.decode()
    assert scene.act("GET", f"buckets/{bucket}", "summary-bck", asked).status == 202
    scene.run_jobs()
    answer = scene.act("GET", f"buckets/{bucket}", "summary-bck", asked)
    (found,) = json.loads(answer.body)
    assert (answer.status, found["name"], found["is_present"]) == (200, bucket, True)
    assert found["ObjCount"] == {"obj_count_present": "2", "obj_count_remote": "0"}
    assert found["ObjSize"] == {"obj_min_size": 1, "obj_avg_size": 3, "obj_max_size": 5}
    assert found["TotalSize"]["size_all_present_objs"] == "6"
    # Only for who asked, about the bucket that was meant.
    error = refused(scene, "GET", f"buckets/{bucket}", "summary-bck", asked, token="reader")
    assert error.status == 404
    other = scene.new_bucket()
    assert refused(scene, "GET", f"buckets/{other}", "summary-bck", asked).status == 404


@pytest.mark.parametrize(("below", "count"), [("", "2"), ("/in/", "1")])
def test_a_head_of_a_bucket_tells_its_summary(
    scene: JobScene, bucket: str, below: str, count: str
) -> None:
    scene.put(bucket, "in/a")
    scene.put(bucket, "out")
    query = "presence=2&bsumm_remote=True"
    first = scene.send("HEAD", f"buckets/{bucket}{below}?{query}")
    assert first.status == 202
    assert json.loads(first.headers["ais-bucket-props"])["provider"] == "ais"
    xid = first.headers["ais-xaction-id"]
    later = f"buckets/{bucket}?{query}&uuid={xid}"
    assert scene.send("HEAD", later).status == 202
    scene.run_jobs()
    answer = scene.send("HEAD", later)
    assert answer.status == 200
    summary = json.loads(answer.headers["ais-bucket-summ"])
    assert summary["ObjCount"]["obj_count_present"] == count


def test_counting_needs_the_right_to_list(scene: JobScene, bucket: str) -> None:
    for token in ("nobody", "patcher"):
        answer = scene.act("GET", f"buckets/{bucket}", "summary-bck", {}, token=token)
        assert answer.status == 403
        head = scene.send("HEAD", f"buckets/{bucket}?bsumm_remote=False", token=token)
        assert head.status == 403


# What needs a cloud behind


@pytest.mark.parametrize(
    ("method", "action"),
    [
        ("DELETE", "evict-listrange"),
        ("DELETE", "evict-remote-bck"),
        ("POST", "prefetch-listrange"),
    ],
)
def test_a_bucket_without_a_backend_has_nothing_to_evict_or_prefetch(
    scene: JobScene, bucket: str, method: str, action: str
) -> None:
    error = refused(scene, method, f"buckets/{bucket}", action, {"template": ""})
    assert error.status == 400
    assert f"ais://{bucket}" in error.message
    there = f"buckets/{bucket}?provider=aws"
    cloud = refused(scene, method, there, action, {"template": ""})
    assert (cloud.status, cloud.tcode) == (404, "ErrRemoteBckNotFound")


@pytest.mark.parametrize(
    ("method", "action"),
    [
        ("POST", "move-bck"),
        ("POST", "etl-bck"),
        ("POST", "etl-listrange"),
        ("POST", "rechunk"),
        ("POST", "make-n-copies"),
        ("POST", "ec-encode"),
        ("POST", "create-inventory"),
    ],
)
def test_other_jobs_are_refused_by_name(
    scene: JobScene, bucket: str, method: str, action: str
) -> None:
    error = refused(scene, method, f"buckets/{bucket}", action, {})
    assert (error.status, error.tcode) == (501, "ErrUnsupp")
    assert action in error.message


def test_too_many_jobs_are_put_off(
    scene: JobScene, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.run_jobs()
    scene.clock.advance_s(60)
    scene.run_jobs()
    monkeypatch.setattr(registry, "MAX_UNFINISHED", 1)
    delete(scene, bucket, {"template": "nothing"})
    error = refused(scene, "DELETE", f"buckets/{bucket}", "delete-listrange", {"template": "x"})
    assert (error.status, error.tcode) == (429, "ErrTooManyRequests")
    scene.run_jobs()
    delete(scene, bucket, {"template": "nothing"})
