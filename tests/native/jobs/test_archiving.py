"""Objects put into archives by jobs."""

from __future__ import annotations

import os
from typing import Any

import pytest
from msgspec.structs import replace

from cluster.jobs import archive_objects
from cluster.jobs.job_run import ArchiveTask, JobContext, JobRun, Stopped, StopReason
from cluster.requested_by import RequestedBy
from s3gw.jobs.archiving import ObjectArchiver
from s3gw.objects.archive_writing import ArchiveOrder, Mode, write_archive
from s3gw.objects.context import Context
from s3gw.objects.encryption import no_customer_key
from storage.archives import Addition, Additions, ArchiveFormat, Entry
from storage.errors import ObjectChanged
from storage.values import NO_ATTRIBUTES, PutOptions
from tests.archives.made import read_back, tar
from tests.native.jobs.asking import NEVER, attach_policy, keeping_out, notify, refused
from tests.native.jobs.scene import JobScene
from tests.s3.sse import KEY_A, customer
from tests.storage.bodies import body_of
from tests.storage.digests import Md5Digest


def message(name: str, target: str = "", **more: Any) -> dict[str, Any]:
    """As the Python client writes it."""
    to = {"tobck": {"name": target, "provider": "ais", "namespace": None}} if target else {}
    return {"archname": name, "isbn": False, "aate": False, "coer": False, **to, **more}


def archive(scene: JobScene, bucket: str, asked: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The snapshot of a job that is done."""
    return scene.done("PUT", f"buckets/{bucket}", "archive", asked, **more)


def members(
    scene: JobScene, bucket: str, name: str, kind: ArchiveFormat = ArchiveFormat.TAR
) -> Any:
    answer = scene.send("GET", f"objects/{bucket}/{name}")
    assert answer.status == 200, answer.body
    return read_back(kind, answer.body)


@pytest.fixture
def filled(scene: JobScene, bucket: str) -> str:
    for number in range(5):
        scene.put(bucket, f"d/{number}", str(number).encode() * number)
    return bucket


@pytest.mark.parametrize("kind", ArchiveFormat)
def test_a_list_becomes_an_archive_in_its_order(
    scene: JobScene, bucket: str, kind: ArchiveFormat
) -> None:
    bodies = {"b": os.urandom(3 << 20), "a": b"1", "c": b"", "é": b"22"}
    for name, body in bodies.items():
        scene.put(bucket, name, body)
    target, name = scene.new_bucket(), f"s{kind.value}"
    snap = archive(scene, bucket, message(name, target, objnames=list(bodies)))
    assert members(scene, target, name, kind) == list(bodies.items())
    assert snap["stats"]["loc-objs"] == "4"
    assert snap["stats"]["loc-bytes"] == str(sum(map(len, bodies.values())))
    assert (snap["kind"], snap["is_idle"], snap["end-time"]) == ("archive", True, NEVER)
    assert (snap["src-bck"]["name"], snap["dst-bck"]["name"]) == (bucket, target)
    head = scene.s3.head_object(Bucket=target, Key=name)
    assert head["ContentType"] == kind.content_type


def test_many_objects_of_all_sizes(scene: JobScene, bucket: str) -> None:
    bodies = {f"{number:03}": bytes([number]) * (number * 997) for number in range(150)}
    for name, body in bodies.items():
        scene.put(bucket, name, body)
    archive(scene, bucket, message("s.tar", template="{000..149}"))
    assert members(scene, bucket, "s.tar") == list(bodies.items())


def test_a_prefix_names_members_and_not_the_archive(scene: JobScene, filled: str) -> None:
    for _ in range(2):
        archive(scene, filled, message("d/s.tar", template="d/"))
        names = [name for name, _ in members(scene, filled, "d/s.tar")]
        assert names == [f"d/{number}" for number in range(5)]


def test_members_are_named_as_it_is_asked(scene: JobScene, filled: str) -> None:
    ways: dict[str, dict[str, Any]] = {
        "d/1": {},
        f"{filled}/d/1": {"isbn": True},
        "1": {"bnonly": True},
        f"{filled}/1": {"bnonly": True, "isbn": True},
    }
    for expected, asked in ways.items():
        archive(scene, filled, message("s.tar", objnames=["d/1"], **asked))
        assert members(scene, filled, "s.tar") == [(expected, b"1")]


def test_without_recursion_folders_are_left_out(scene: JobScene, bucket: str) -> None:
    for name in ("p/a", "p/b/c", "p/d"):
        scene.put(bucket, name)
    archive(scene, bucket, message("s.tar", template="p/") | {"non-recurs": True})
    assert [name for name, _ in members(scene, bucket, "s.tar")] == ["p/a", "p/d"]


def test_an_archive_is_appended_to_or_takes_the_others_place(scene: JobScene, filled: str) -> None:
    rounds: list[tuple[dict[str, Any], list[str]]] = [
        ({"aate": True, "objnames": ["d/1"]}, ["d/1"]),
        ({"aate": True, "objnames": ["d/2", "d/1"]}, ["d/1", "d/2", "d/1"]),
        ({"objnames": ["d/3"]}, ["d/3"]),
    ]
    for asked, expected in rounds:
        archive(scene, filled, message("s.tar", **asked))
        assert [name for name, _ in members(scene, filled, "s.tar")] == expected


def test_the_format_may_be_named(scene: JobScene, filled: str) -> None:
    archive(scene, filled, message("s", objnames=["d/1"], mime=".tgz"))
    assert members(scene, filled, "s", ArchiveFormat.TGZ) == [("d/1", b"1")]


@pytest.mark.parametrize("chosen", [{"objnames": ["d/1", "none", "d/2"]}, {"template": "d/{1..9}"}])
def test_what_is_missing_ends_it_and_nothing_is_there(
    scene: JobScene, filled: str, chosen: dict[str, Any]
) -> None:
    snap = archive(scene, filled, message("s.tar", **chosen))
    assert "does not exist" in snap["abort-err"]
    assert snap["aborted"]
    assert "s.tar" not in scene.names(filled)
    snap = archive(scene, filled, message("s.tar", coer=True, **chosen))
    assert not snap["aborted"]
    assert "does not exist" in snap["err"]
    assert "s.tar" in scene.names(filled)


def test_what_cannot_be_read_is_told(scene: JobScene, filled: str) -> None:
    scene.s3.put_object(Bucket=filled, Key="d/9", Body=b"9", **customer(KEY_A))
    snap = archive(scene, filled, message("s.tar", template="d/"))
    assert snap["aborted"]
    assert "d/9" in snap["abort-err"]
    snap = archive(scene, filled, message("s.tar", template="d/", coer=True))
    assert "d/9" in snap["err"]
    assert len(members(scene, filled, "s.tar")) == 5


def test_nothing_is_appended_to_what_is_no_archive(scene: JobScene, filled: str) -> None:
    scene.put(filled, "s.tar", b"no archive" * 100)
    snap = archive(scene, filled, message("s.tar", objnames=["d/1"], aate=True))
    assert snap["aborted"]
    assert scene.send("GET", f"objects/{filled}/s.tar").body == b"no archive" * 100


def test_an_archive_is_told_as_an_upload(scene: JobScene, filled: str) -> None:
    notify(scene, filled)
    archive(scene, filled, message("s.tar", objnames=["d/1"]))
    (event,) = scene.events()
    assert (event["eventName"], event["s3"]["object"]["key"]) == ("ObjectCreated:Put", "s.tar")


def test_a_missing_target_is_made_by_who_may(scene: JobScene, filled: str) -> None:
    asked, where = message("s.tar", f"{filled}-new", objnames=["d/1"]), f"buckets/{filled}"
    assert refused(scene, "PUT", where, "archive", asked, token="writer").status == 403
    archive(scene, filled, asked)
    assert members(scene, f"{filled}-new", "s.tar") == [("d/1", b"1")]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"objnames": ["a"], "archname": ""}, 400),
        ({"objnames": ["a"], "archname": "s"}, 400),
        ({"objnames": ["a"], "mime": ".rar"}, 400),
        ({"objnames": ["a"], "archname": "x" * 1025}, 400),
        ({"objnames": []}, 400),
        ({}, 400),
        ({"objnames": ["a"], "tobck": {"name": "b", "provider": "aws"}}, 404),
    ],
)
def test_what_cannot_be_done_is_refused(
    scene: JobScene, bucket: str, asked: dict[str, Any], status: int
) -> None:
    where = f"buckets/{bucket}"
    assert refused(scene, "PUT", where, "archive", message("s.tar") | asked).status == status


def test_the_rights_are_asked_for_when_the_job_is(scene: JobScene, filled: str) -> None:
    where, target = f"buckets/{filled}", scene.new_bucket()
    asked = message("s.tar", target, objnames=["d/1", "d/2"])
    assert refused(scene, "PUT", where, "archive", asked, token="reader").status == 403
    assert refused(scene, "PUT", where, "archive", asked, token="nobody").status == 403
    attach_policy(scene, filled, keeping_out(filled, "s3:GetObject", "d/2"))
    assert refused(scene, "PUT", where, "archive", asked, token="writer").status == 403
    asked = message("s.tar", target, objnames=["d/1"])
    archive(scene, filled, asked, token="writer")
    attach_policy(scene, target, keeping_out(target, "s3:PutObject", "s.tar"))
    assert refused(scene, "PUT", where, "archive", asked, token="writer").status == 403


def test_a_job_that_is_begun_again_makes_the_same_archive(scene: JobScene, filled: str) -> None:
    xid = scene.begin(
        "PUT", f"buckets/{filled}", "archive", message("s.tar", objnames=["d/1", "d/2"])
    )

    async def half_done() -> None:
        known = await scene.registry.find(xid)
        assert known is not None
        known.state.starts, known.state.done = 1, 1
        known.state.objects, known.state.bytes = 1, 1
        await scene.registry.save(xid, known.state)

    scene.server.run(half_done())
    scene.run_jobs()
    assert members(scene, filled, "s.tar") == [("d/1", b"1"), ("d/2", b"22")]
    assert scene.snap(xid)["stats"]["loc-objs"] == "2"


def test_a_job_that_is_stopped_leaves_nothing(scene: JobScene, filled: str) -> None:
    """It is told to stop while its second object is on the way."""
    xid = scene.begin("PUT", f"buckets/{filled}", "archive", message("s.tar", template="d/{1..4}"))

    async def stopped() -> JobRun[archive_objects.ArchiveObjects]:
        known = await scene.registry.find(xid)
        assert known is not None
        assert isinstance(known.job, archive_objects.ArchiveObjects)
        archiver = ObjectArchiver(scene.objects)

        async def halting(task: ArchiveTask) -> None:
            def count(size: int) -> None:
                task.count(size)
                work.stop = StopReason.STOPPED

            await archiver.archive(replace(task, count=count))

        unused: Any = None
        context = JobContext(scene.store, unused, unused, unused, halting, unused)
        work = JobRun(known.job, known.state, context, scene.registry)
        with pytest.raises(Stopped):
            await archive_objects.carry_out(work)
        return work

    work = scene.server.run(stopped())
    assert work.state.objects == 1
    assert "s.tar" not in scene.names(filled)
    scene.run_jobs()
    assert len(members(scene, filled, "s.tar")) == 4


@pytest.mark.parametrize("mode", [Mode.APPEND, Mode.APPEND_OR_NEW])
def test_who_comes_second_in_a_race_learns_it(scene: JobScene, bucket: str, mode: Mode) -> None:
    """The other one is done while the members of the first are still coming."""

    async def racing() -> None:
        info = await scene.store.head_bucket(bucket)

        async def additions() -> Additions:
            put = PutOptions(Md5Digest(), NO_ATTRIBUTES)
            await scene.store.put_object(bucket, "s.tar", body_of(tar([("other", b"2")])), put)
            yield Addition(Entry("mine", 1), b"3")

        unlock = scene.objects.encryption.unlock(no_customer_key)
        order = ArchiveOrder(mode, NO_ATTRIBUTES, unlock)
        context = Context(RequestedBy())
        with pytest.raises(ObjectChanged):
            await write_archive(scene.objects, context, info, "s.tar", order, additions())

    if mode is Mode.APPEND:
        scene.put(bucket, "s.tar", tar([("first", b"1")]))
    scene.server.run(racing())
    assert members(scene, bucket, "s.tar") == [("other", b"2")]
