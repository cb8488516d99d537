"""Jobs, as the client starts, waits for and lists them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

errors: Any = import_module("aistore.sdk.errors")
multi: Any = import_module("aistore.sdk.multiobj")


@pytest.fixture
def filled(bucket: Any) -> Any:
    """A bucket with the objects p00 to p19."""
    for number in range(20):
        bucket.object(f"p{number:02}").get_writer().put_content(b"x" * number)
    return bucket


@pytest.fixture
def target(client: Any) -> Iterator[Any]:
    made = client.bucket(f"sdk-{uuid.uuid4().hex[:12]}")
    yield made
    made.delete(missing_ok=True)


def names(bucket: Any) -> list[str]:
    return [entry.name for entry in bucket.list_all_objects()]


def test_a_list_is_deleted(client: Any, filled: Any) -> None:
    job = client.job(filled.objects(obj_names=["p00", "p07"]).delete())
    job.wait(timeout=60)
    assert len(names(filled)) == 18
    assert "p07" not in names(filled)


def test_a_range_is_deleted(client: Any, filled: Any) -> None:
    chosen = multi.ObjectRange("p", 0, 18, pad_width=2, step=2)
    client.job(filled.objects(obj_range=chosen).delete()).wait(timeout=60)
    assert names(filled) == [f"p{number:02}" for number in range(1, 20, 2)]


def test_a_template_is_deleted(client: Any, filled: Any) -> None:
    client.job(filled.objects(obj_template="p{00..09}").delete()).wait(timeout=60)
    assert names(filled) == [f"p{number}" for number in range(10, 20)]


def test_a_list_is_copied_into_a_new_bucket(client: Any, filled: Any, target: Any) -> None:
    group = filled.objects(obj_names=["p01", "p02"])
    jobs = group.copy(target, prepend="new/")
    for xid in jobs:
        client.job(xid).wait_for_idle(timeout=60)
    assert names(target) == ["new/p01", "new/p02"]
    assert target.object("new/p02").get_reader().read_all() == b"xx"


def test_a_job_that_idles_is_listed_as_running(client: Any, filled: Any, target: Any) -> None:
    (xid,) = filled.objects(obj_names=["p01"]).copy(target)
    client.job(xid).wait_for_idle(timeout=60)
    assert f"copy-listrange[{xid}]" in client.cluster().list_running_jobs()
    assert xid in [status.uuid for status in client.cluster().list_jobs_status()]


def test_a_bucket_is_copied(client: Any, filled: Any, target: Any) -> None:
    client.job(filled.copy(target, prefix_filter="p1")).wait(timeout=60)
    assert names(target) == [f"p{number}" for number in range(10, 20)]


def test_a_job_has_a_status_and_details(client: Any, filled: Any) -> None:
    xid = filled.objects(obj_template="p{00..09}").delete()
    job = client.job(xid)
    job.wait(timeout=60)
    status = job.status()
    assert (status.uuid, status.err, status.aborted) == (xid, "", False)
    assert status.end_time > 0
    (snap,) = job.get_details().list_snapshots()
    assert (snap.id, snap.stats.objects) == (xid, 10)
    assert snap.end_time is not None


@pytest.mark.parametrize("kind", ["lru", "cleanup"])
def test_a_job_is_started(client: Any, kind: str) -> None:
    xid = client.job(job_kind=kind).start()
    client.job(xid).wait(timeout=60)
    assert client.job(xid).status().end_time > 0


def test_a_job_that_is_not_there_is_told(client: Any) -> None:
    with pytest.raises(errors.AISError, match="not found"):
        client.job("neverthere1").wait(timeout=10)


def test_a_bucket_is_counted(filled: Any) -> None:
    summary = filled.summary()
    assert summary["ObjCount"]["obj_count_present"] == "20"
    assert summary["TotalSize"]["size_all_present_objs"] == "190"


def test_what_a_bucket_holds_is_told_with_its_properties(filled: Any) -> None:
    props, summary = filled.info()
    assert json.loads(props)["provider"] == "ais"
    assert int(summary["ObjCount"]["obj_count_present"]) == 20
