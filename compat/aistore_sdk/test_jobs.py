"""Jobs, as the client starts, waits for and lists them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from compat.aistore_sdk.scene import done, errors, fill, names, put, refused
from compat.clients.target import noise

NAMES = [f"p{number:02}" for number in range(10)]
COPIES = "copy-listrange"


@pytest.fixture(name="filled")
def _filled(bucket: Any) -> Any:
    return fill(bucket, dict.fromkeys(NAMES, b"content"))


def copied(client: Any, filled: Any, target: Any) -> Any:
    """A job that idles after its work, as copies of lists do."""
    (xid,) = filled.objects(obj_names=["p01"]).copy(target)
    client.job(xid).wait_for_idle(timeout=1)
    return client.job(xid)


def test_a_job_has_a_status(client: Any, filled: Any) -> None:
    xid = filled.objects(obj_names=NAMES).delete()
    (result,) = done(client, xid)
    assert (result.job_id, bool(result), result.error) == (xid, True, "")
    status = client.job(xid).status()
    assert (status.uuid, status.err, status.aborted) == (xid, "", False)
    assert result.end_time == datetime.fromtimestamp(status.end_time / 1e9, tz=UTC)


def test_a_job_has_details(client: Any, filled: Any) -> None:
    xid = filled.objects(obj_names=NAMES).delete()
    done(client, xid)
    details = client.job(xid).get_details()
    (snap,) = details.list_snapshots()
    assert (snap.id, snap.kind, snap.stats.objects) == (xid, "delete-listrange", len(NAMES))
    assert snap.is_idle
    assert (snap.bucket.name, snap.aborted, snap.abort_err) == (filled.name, False, "")
    assert details.any_finished()
    assert not details.any_aborted()
    assert set(details.root) <= set(client.cluster().get_info().tmap)


def test_the_details_of_a_copy_name_both_buckets(client: Any, filled: Any, target: Any) -> None:
    xid = filled.copy(target)
    done(client, xid)
    (snap,) = client.job(xid).get_details().list_snapshots()
    assert (snap.kind, snap.stats.objects) == ("copy-bck", len(NAMES))
    assert (snap.source_bck.name, snap.destination_bck.name) == (filled.name, target.name)
    assert len(snap.unpack_glob_id()) == 3


def test_a_job_is_known_by_its_kind_too(client: Any, filled: Any) -> None:
    xid = filled.objects(obj_names=["p01"]).delete()
    done(client, xid)
    job = client.job(xid, job_kind="delete-listrange")
    assert (job.job_id, job.job_kind) == (xid, "delete-listrange")
    assert job.wait(timeout=1).success
    found = client.job(job_kind="delete-listrange").get_details().list_snapshots()
    assert xid in [snap.id for snap in found]


@pytest.mark.parametrize("wait", ["wait", "wait_single_node"])
def test_the_end_of_a_job_is_waited_for(client: Any, filled: Any, wait: str) -> None:
    xid = filled.objects(obj_names=["p01"]).delete()
    assert getattr(client.job(xid), wait)(timeout=30).success
    assert "p01" not in names(filled)


def test_a_job_that_idles_is_waited_for(client: Any, filled: Any, target: Any) -> None:
    job = copied(client, filled, target)
    assert job.wait(timeout=1).success
    details = job.get_details()
    assert details.all_idle()
    assert details.idle_or_aborted()
    assert details.get_num_workers() >= 0
    assert job.status().end_time == 0


def test_a_job_that_idles_is_listed_as_running(client: Any, filled: Any, target: Any) -> None:
    job = copied(client, filled, target)
    cluster = client.cluster()
    assert f"{COPIES}[{job.job_id}]" in cluster.list_running_jobs()
    assert f"{COPIES}[{job.job_id}]" in cluster.list_running_jobs(job_kind=COPIES)
    assert f"{COPIES}[{job.job_id}]" not in cluster.list_running_jobs(job_kind="lru")


def test_jobs_are_listed_with_their_status(client: Any, filled: Any) -> None:
    xid = filled.objects(obj_names=["p01"]).delete()
    done(client, xid)
    cluster = client.cluster()
    assert xid in [status.uuid for status in cluster.list_jobs_status()]
    by_kind = cluster.list_jobs_status(job_kind="delete-listrange")
    assert xid in [status.uuid for status in by_kind]
    assert xid not in [status.uuid for status in cluster.list_jobs_status(job_kind="lru")]
    node = next(iter(cluster.get_info().tmap))
    assert xid in [status.uuid for status in cluster.list_jobs_status(target_id=node)]


def test_a_job_is_aborted(client: Any, filled: Any, target: Any) -> None:
    job = copied(client, filled, target)
    job.abort()
    (result,) = done(client, job.job_id)
    assert not result.success
    assert job.status().aborted
    assert job.get_details().any_aborted()
    assert f"{COPIES}[{job.job_id}]" not in client.cluster().list_running_jobs()


def test_all_jobs_of_a_kind_are_aborted(client: Any, filled: Any, target: Any) -> None:
    job = copied(client, filled, target)
    client.job(job_kind=COPIES).abort()
    (result,) = done(client, job.job_id)
    assert not result.success


def test_a_job_s_time_is_told(client: Any, filled: Any, target: Any) -> None:
    xid = filled.objects(obj_names=NAMES).delete()
    done(client, xid)
    assert timedelta() <= client.job(xid).get_total_time() < timedelta(minutes=5)


def test_a_job_is_found_by_its_time(client: Any, filled: Any) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    xid = filled.objects(obj_names=NAMES).delete()
    done(client, xid)
    after = datetime.now(UTC) + timedelta(seconds=1)
    job = client.job(xid)
    assert [snap.id for snap in job.get_within_timeframe(before, after)] == [xid]
    assert [snap.id for snap in job.get_within_timeframe(before)] == [xid]
    with pytest.raises(errors.JobInfoNotFound):
        job.get_within_timeframe(after)


@pytest.mark.parametrize("kind", ["lru", "cleanup", "lru-eviction", "cleanup-store", "rebalance"])
def test_a_job_is_started(client: Any, kind: str) -> None:
    (result,) = done(client, client.job(job_kind=kind).start())
    assert result.success


def test_a_job_of_one_node_is_started(client: Any) -> None:
    node = next(iter(client.cluster().get_info().tmap))
    job = client.job(job_kind="resilver")
    (result,) = done(client, job.start(daemon_id=node))
    assert result.success
    with refused(501, "resilver"):
        job.start()


def test_a_job_is_started_for_some_buckets(client: Any, bucket: Any, target: Any) -> None:
    target.create()
    for buckets in ([bucket], [bucket, target]):
        (result,) = done(client, client.job(job_kind="cleanup").start(buckets=buckets))
        assert result.success


@pytest.mark.parametrize("kind", ["rechunk", "load-lom-cache"])
def test_a_job_about_one_bucket_is_started(client: Any, filled: Any, kind: str) -> None:
    (result,) = done(client, client.job(job_kind=kind).start(buckets=[filled]))
    assert result.success
    with pytest.raises(errors.AISError) as caught:
        client.job(job_kind=kind).start()
    assert caught.value.status_code == 400


@pytest.mark.parametrize("kind", ["ec-encode", "put-copies"])
def test_what_is_not_there_is_not_started(client: Any, kind: str) -> None:
    with refused(501, kind):
        client.job(job_kind=kind).start()


def test_a_kind_that_is_none_is_not_started(client: Any) -> None:
    with pytest.raises(errors.AISError, match="no-such-kind") as caught:
        client.job(job_kind="no-such-kind").start()
    assert caught.value.status_code < 500


def test_the_only_copies_are_not_evicted_by_force(client: Any) -> None:
    with pytest.raises(errors.AISError) as caught:
        client.job(job_kind="lru").start(force=True)
    assert caught.value.status_code in (400, 501)


def test_a_job_that_is_not_there_is_told(client: Any) -> None:
    job = client.job("neverthere1")
    for asking in (job.status, job.get_details, lambda: job.wait(timeout=1)):
        with refused(404, "neverthere1"):
            asking()


def test_a_job_without_an_id_is_told_by_the_sdk(client: Any) -> None:
    with pytest.raises(ValueError, match="ID"):
        client.job().status()
    with pytest.raises(ValueError, match="id or kind"):
        client.job().abort()


def batch_job(client: Any, bucket: Any) -> Any:
    """The job to which the latest batch about the bucket belongs."""
    snaps = client.job(job_kind="get-batch").get_details().list_snapshots()
    (*_, snap) = [each for each in snaps if each.bucket.name == bucket.name]
    return client.job(snap.id, job_kind="get-batch")


def test_a_batch_is_a_job(client: Any, filled: Any) -> None:
    list(client.batch(NAMES, bucket=filled).get())
    job = batch_job(client, filled)
    assert job.wait(timeout=1).success
    assert f"get-batch[{job.job_id}]" in client.cluster().list_running_jobs(job_kind="get-batch")


def test_a_job_of_batches_is_aborted(client: Any, filled: Any) -> None:
    list(client.batch(NAMES, bucket=filled).get())
    job = batch_job(client, filled)
    job.abort()
    (result,) = done(client, job.job_id)
    assert not result.success


def test_a_batch_is_aborted_on_its_way(client: Any, bucket: Any) -> None:
    put(bucket, "large", noise(4_000_000))
    raw = client.batch(["large"] * 50, bucket=bucket).get(raw=True)
    assert len(raw.read(1000)) == 1000
    job = batch_job(client, bucket)
    job.abort()
    (result,) = done(client, job.job_id)
    assert not result.success
    with pytest.raises(Exception, match=r"(?i)incomplete|broken|ended|reset"):
        list(iter(lambda: raw.read(1 << 20), b""))
