"""Jobs over the native API: asked for, watched, listed and stopped; and deleting."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.jobs import download, dsort, get_batch, registry
from cluster.jobs.catalog import BY_NAME
from cluster.jobs.kinds import Start
from s3gw.identity.permissions import Permissions
from s3gw.identity.rights import Access
from s3gw.native.catalog import MODULES
from s3gw.native.jobs.rights import STARTING
from s3gw.s3.registry import operations_of
from tests.native.jobs.asking import (
    NEVER,
    attach_policy,
    copy,
    delete,
    keeping_out,
    notify,
    refused,
)
from tests.native.jobs.scene import JobScene
from tests.native.scene import TOKENS, told

# What a job's snapshot says


def test_a_job_is_there_as_soon_as_its_id_is_told(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "a")
    answer = scene.act("DELETE", f"buckets/{bucket}", "delete-listrange", {"objnames": ["a"]})
    xid = answer.body.decode()
    assert answer.headers["content-type"] == "text/plain"
    assert xid.isalnum()
    assert len(xid) >= 9
    snap = scene.snap(xid)
    assert snap["end-time"] == NEVER
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
        "end-time": NEVER,
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
    assert (snap["is_idle"], snap["aborted"]) == (True, False)
    assert snap["end-time"] != NEVER


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
@pytest.mark.parametrize("more", [{}, {"Kind": "lru"}, {"show_active": True}])
def test_a_job_that_is_not_there_is_404(scene: JobScene, what: str, more: Any) -> None:
    error = told(scene.send("GET", f"cluster?what={what}", {"ID": "neverthere1", **more}))
    assert error.status == 404
    assert "not found" in error.message


def test_a_job_is_found_only_as_what_it_is(scene: JobScene, bucket: str) -> None:
    xid = delete(scene, bucket, {"template": "nothing"})
    scene.run_jobs()
    for more in ({"Kind": "lru"}, {"show_active": True}):
        assert told(scene.send("GET", "cluster?what=qryxstats", {"ID": xid, **more})).status == 404
    assert scene.snap(xid)["id"] == xid
    (snaps,) = scene.ask("qryxstats", {"ID": f"neverthere1,{xid}"}).values()
    assert [snap["id"] for snap in snaps] == [xid]


@pytest.mark.parametrize("asked", [{"Kind": "rechunk"}, {"node": "tXYZ"}])
def test_no_job_of_a_kind_is_an_empty_list(scene: JobScene, asked: Any) -> None:
    """The Python client raises JobInfoNotFound for this one."""
    assert list(scene.ask("qryxstats", asked).values()) == [[]]


def test_the_status_of_nothing_in_particular_is_none(scene: JobScene) -> None:
    assert told(scene.send("GET", "cluster?what=status", {})).status == 400
    assert told(scene.send("GET", "cluster?what=status", {"Kind": "rechunk"})).status == 404


def test_jobs_of_a_bucket_that_is_not_there_are_404(scene: JobScene) -> None:
    for space, code in (("", "ErrBckNotFound"), ("remote", "ErrRemoteBckNotFound")):
        bck = {"name": "none", "namespace": {"uuid": space, "name": ""}}
        error = told(scene.send("GET", "cluster?what=qryxstats", {"Kind": "lru", "Bck": bck}))
        assert (error.status, error.tcode) == (404, code)


@pytest.mark.parametrize("asked", [{"ID": 7}, {"Bck": "b"}, {"Buckets": "b"}, {"Kind": "nonsense"}])
def test_a_query_that_is_none_is_400(scene: JobScene, asked: Any) -> None:
    assert told(scene.send("GET", "cluster?what=qryxstats", asked)).status == 400


# Starting and stopping


@pytest.mark.parametrize("kind", ["lru", "cleanup", "cleanup-store"])
def test_a_job_is_started_by_either_name(scene: JobScene, kind: str) -> None:
    value = {"ID": "", "Kind": kind, "DaemonID": "", "Bck": None, "Buckets": None}
    snap = scene.done("PUT", "cluster", "start", value)
    assert kind in (snap["kind"], "cleanup")
    assert snap["end-time"] != NEVER


def test_cleaning_up_cleans(scene: JobScene) -> None:
    before = scene.rounds
    scene.done("PUT", "cluster", "start", {"Kind": "cleanup"})
    assert scene.rounds == before + 1


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("resilver", 501),
        ("ec-bucket", 501),
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
    assert snap["abort-err"] == "user abort"
    assert scene.ask("status", {"ID": xid})["aborted"]


def test_who_may_not_begin_a_job_any_more_may_not_stop_it(
    scene: JobScene, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right to look at the cluster is not enough."""
    scene.put(bucket, "a")
    xid = delete(scene, bucket, {"objnames": ["a"]}, token="writer")
    stop = ("PUT", "cluster", "stop", {"ID": xid})
    monkeypatch.setitem(TOKENS, "writer", Permissions(clusters={"": Access.SHOW_CLUSTER.value}))
    assert refused(scene, *stop, token="writer").status == 403
    both = Access.SHOW_CLUSTER | Access.DELETE_OBJECT
    monkeypatch.setitem(TOKENS, "writer", Permissions(clusters={"": both.value}))
    assert scene.act(*stop, token="writer").status == 200


def test_the_right_to_stop_is_that_of_the_operation_that_starts() -> None:
    every = (op for module in MODULES for op in operations_of(module))
    starting = {op.route.action: op for op in every if op.route.action and op.route.depth > 1}
    for kind, (access, operation) in STARTING.items():
        if kind in (get_batch.KIND.name, download.KIND.name, dsort.KIND.name):
            # Requests of their own begin these.
            continue
        assert (starting[kind].access, starting[kind].known_as) == (access, operation)
    rest = BY_NAME.keys() - STARTING.keys()
    # Transformers are stopped by administrators.
    assert all(BY_NAME[kind].start is Start.BY_NAME or BY_NAME[kind].lasts for kind in rest)


def test_all_jobs_of_a_kind_are_stopped(scene: JobScene, bucket: str) -> None:
    xids = [delete(scene, bucket, {"template": ""}) for _ in range(3)]
    assert scene.act("PUT", "cluster", "stop", {"Kind": "delete-objects"}).status == 200
    scene.run_jobs()
    assert all(scene.snap(xid)["aborted"] for xid in xids)
    assert scene.act("PUT", "cluster", "stop", {"Kind": "delete-objects"}).status == 200


def test_stopping_nothing_in_particular_is_refused(scene: JobScene) -> None:
    assert refused(scene, "PUT", "cluster", "stop", {}).status == 400
    assert refused(scene, "PUT", "cluster", "stop", {"Kind": "nonsense"}).status == 400


def test_a_job_that_nobody_knows_is_stopped_already(scene: JobScene) -> None:
    assert scene.act("PUT", "cluster", "stop", {"ID": "neverthere1"}).status == 200


def test_a_job_is_seen_by_who_began_it_and_who_may_use_its_bucket(
    scene: JobScene, bucket: str
) -> None:
    xid = delete(scene, bucket, {"template": "nothing"}, token="writer")
    for token in ("admin", "reader", "writer"):
        assert scene.snap(xid, token=token)["id"] == xid
    scene.act("PATCH", f"buckets/{bucket}", "set-bprops", {"access": "PROMOTE"})
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
    notify(scene, bucket)
    scene.put(bucket, "a")
    delete(scene, bucket, {"objnames": ["a", "never"]}, token="writer")
    scene.run_jobs()
    events = [(e["eventName"], e["s3"]["object"]["key"]) for e in scene.events()]
    assert ("ObjectRemoved:Delete", "a") in events
    assert "never" not in [key for _, key in events]


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
        ("POST", "etl-bck"),
        ("POST", "etl-listrange"),
        ("POST", "ec-encode"),
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
