"""Batches are jobs, too: they are listed, waited for and stopped."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.requested_by import RequestedBy
from s3gw.objects.batch import BatchStopped
from s3gw.objects.batch.jobs import BatchJobs
from tests.asgi import Answer
from tests.native.jobs.scene import JobScene
from tests.native.scene import told
from tests.server_process import eventually

KIND = {"Kind": "get-batch"}


def ask(scene: JobScene, bucket: str, **more: Any) -> Answer:
    scene.put(bucket, "a")
    return scene.send("GET", f"ml/moss/{bucket}", {"in": [{"objname": "a"}]}, **more)


def snaps(scene: JobScene, bucket: str) -> list[dict[str, Any]]:
    """Of the batches of the bucket."""
    (found,) = scene.ask("qryxstats", KIND).values()
    return [snap for snap in found if snap["bck"]["name"] == bucket]


def test_a_batch_is_a_job_that_idles(scene: JobScene, bucket: str) -> None:
    assert ask(scene, bucket).status == 200
    (snap,) = snaps(scene, bucket)
    assert (snap["kind"], snap["is_idle"], snap["aborted"]) == ("get-batch", True, False)
    running = scene.ask("running_all", {"kind": "get-batch", "node": "", "show_active": True})
    assert f"get-batch[{snap['id']}]" in running


def test_the_batches_of_a_caller_and_a_bucket_belong_to_one_job(
    scene: JobScene, bucket: str
) -> None:
    for _ in range(3):
        ask(scene, bucket)
    assert len(snaps(scene, bucket)) == 1
    ask(scene, bucket, token="reader")
    ask(scene, scene.new_bucket())
    assert len(snaps(scene, bucket)) == 2


def test_a_job_counts_what_its_batches_sent(scene: JobScene, bucket: str) -> None:
    """Saved once a second, so the first count is there at once, and a later one soon."""
    scene.put(bucket, "a", b"12345")
    asked = {"in": [{"objname": "a"}, {"objname": "a"}, {"objname": "none"}], "coer": True}
    for _ in range(2):
        assert scene.send("GET", f"ml/moss/{bucket}", asked).status == 200

    def counted() -> tuple[int, int]:
        (snap,) = snaps(scene, bucket)
        return int(snap["stats"]["loc-objs"]), int(snap["stats"]["loc-bytes"])

    eventually(lambda: counted() == (4, 20), "what two batches sent")
    scene.clock.advance_s(60)
    scene.run_jobs()
    assert counted() == (4, 20)


def test_batches_keep_their_job_from_ending(scene: JobScene, bucket: str) -> None:
    ask(scene, bucket)
    scene.clock.advance_s(40)
    ask(scene, bucket)
    (snap,) = snaps(scene, bucket)
    eventually(lambda: snaps(scene, bucket)[0]["stats"]["loc-objs"] == "2", "both batches")
    scene.clock.advance_s(40)
    scene.run_jobs()
    running = scene.ask("running_all", {"kind": "get-batch", "node": "", "show_active": True})
    assert f"get-batch[{snap['id']}]" in running


def test_a_job_of_batches_ends_when_there_were_none_for_a_while(
    scene: JobScene, bucket: str
) -> None:
    ask(scene, bucket)
    scene.clock.advance_s(60)
    scene.run_jobs()
    (snap,) = snaps(scene, bucket)
    running = scene.ask("running_all", {"kind": "get-batch", "node": "", "show_active": True})
    assert f"get-batch[{snap['id']}]" not in running
    ask(scene, bucket)
    assert len(snaps(scene, bucket)) == 2


def test_who_stops_a_job_of_batches_stops_no_later_ones(scene: JobScene, bucket: str) -> None:
    ask(scene, bucket)
    (snap,) = snaps(scene, bucket)
    assert scene.act("PUT", "cluster", "stop", {"ID": snap["id"]}).status == 200
    assert ask(scene, bucket).status == 200
    scene.run_jobs()
    aborted = {each["id"]: each["aborted"] for each in snaps(scene, bucket)}
    assert len(aborted) == 2
    assert [xid for xid in aborted if aborted[xid]] == [snap["id"]]


def test_a_batch_that_is_stopped_on_its_way_ends(scene: JobScene, bucket: str) -> None:
    async def stopping() -> None:
        jobs = BatchJobs(scene.registry)
        job = await jobs.join(RequestedBy("somebody"), bucket)
        other = await jobs.join(RequestedBy("somebody else"), bucket)
        await job.check()
        found = [
            each
            for each in await scene.registry.all()
            if each.job.requested_by.identity == "somebody"
        ]
        await scene.registry.stop(found[-1].job.xid)
        with pytest.raises(BatchStopped):
            await job.check()
        await other.check()

    scene.server.run(stopping())


def test_batches_are_not_started_like_other_jobs(scene: JobScene) -> None:
    answer = scene.act("PUT", "cluster", "start", KIND)
    assert told(answer).status == 400
