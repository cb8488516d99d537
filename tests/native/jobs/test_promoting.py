"""Files of the server's machine become objects: which may, for whom, and how."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from s3gw.keys.ring import new_ring
from s3gw.objects.promotion.files import NOTHING_PROMOTABLE, Promotable
from storage.backend import Backend
from tests.asgi import Answer
from tests.native.jobs.scene import JobScene
from tests.native.scene import told
from tests.native.test_access import policy
from tests.s3.conftest import backend_of


class PromotingScene(JobScene):
    """Files below the folders `open` and `other` may be promoted; those in `outside` may not."""

    def __init__(self, store: Backend, folder: Path, promotable: Promotable | None = None) -> None:
        self.open, self.other, self.outside = (folder / name for name in ("open", "2", "outside"))
        for each in (self.open, self.other, self.outside):
            each.mkdir(exist_ok=True)
        (self.outside / "secret").write_bytes(b"secret")
        own = Promotable((str(self.open), f"{self.other}/"))
        jobs = Path(tempfile.mkdtemp(dir=folder))
        ring = new_ring(jobs / "keyring.json", os.urandom(32))
        super().__init__(store, ring, jobs, promotable or own)


@pytest.fixture(scope="module", params=["memory", "local"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backend]:
    with backend_of(request.param, tmp_path_factory.mktemp("store")) as backend:
        yield backend


@pytest.fixture
def scene(store: Backend, tmp_path: Path) -> Iterator[PromotingScene]:
    with closing(PromotingScene(store, tmp_path)) as scene:
        yield scene


def promote(scene: JobScene, bucket: str, source: object, name: str = "", **more: Any) -> Answer:
    value: dict[str, Any] = {"tid": "", "src": str(source), "obj": name}
    value |= {key: more.pop(key) for key in ("rcr", "ovw", "dls", "notshr", "tid") if key in more}
    more["name"] = more.pop("said", str(source))
    return scene.act("POST", f"objects/{bucket}", "promote", value, **more)


def read(scene: JobScene, bucket: str, key: str) -> bytes:
    answer = scene.send("GET", f"objects/{bucket}/{key}")
    assert answer.status == 200, answer.body
    return answer.body


def job(scene: JobScene, answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    scene.run_jobs()
    return scene.snap(answer.body.decode())


def tree(folder: Path) -> None:
    for path in ("b", "a/2", "a/1", "a/c/3"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode())


# One file


@pytest.mark.parametrize(
    ("name", "key"), [("", "file.bin"), ("k", "k"), ("folder/", "folder/file.bin"), ("a/b", "a/b")]
)
def test_a_file_becomes_an_object_at_once(
    scene: PromotingScene, bucket: str, name: str, key: str
) -> None:
    source = scene.open / "file.bin"
    source.write_bytes(b"x" * 100_000)
    answer = promote(scene, bucket, source, name)
    assert (answer.status, answer.body) == (200, b"")
    assert read(scene, bucket, key) == b"x" * 100_000
    assert source.exists()
    found = scene.send("HEAD", f"objects/{bucket}/{key}").headers
    assert found["ais-checksum-type"] == "xxhash2"


def test_what_is_promoted_keeps_to_its_buckets_properties(
    scene: PromotingScene, bucket: str
) -> None:
    props = {"checksum": {"type": "md5"}, "chunks": {"objsize_limit": 2048, "chunk_size": 1024}}
    assert scene.act("PATCH", f"buckets/{bucket}", "set-bprops", props).status == 200
    (scene.open / "k").write_bytes(b"x" * 3000)
    promote(scene, bucket, scene.open / "k")
    job(scene, promote(scene, bucket, scene.open, "f/"))
    for key in ("k", "f/k"):
        found = scene.send("HEAD", f"objects/{bucket}/{key}?props=checksum,chunked").headers
        assert (found["ais-checksum-type"], found["ais-chunks-count"]) == ("md5", "3")


def test_an_object_is_replaced_only_if_it_shall_be(scene: PromotingScene, bucket: str) -> None:
    source = scene.open / "k"
    source.write_bytes(b"new")
    scene.put(bucket, "k", b"old")
    assert promote(scene, bucket, source, dls=True).status == 200
    assert (read(scene, bucket, "k"), source.exists()) == (b"old", True)
    assert promote(scene, bucket, source, ovw=True).status == 200
    assert read(scene, bucket, "k") == b"new"


def test_a_file_is_removed_only_if_it_shall_be(scene: PromotingScene, bucket: str) -> None:
    source = scene.other / "empty"
    source.write_bytes(b"")
    assert promote(scene, bucket, source, dls=True, notshr=True).status == 200
    assert (read(scene, bucket, "empty"), source.exists()) == (b"", False)


def test_nothing_is_removed_where_a_loss_of_power_takes_objects(
    scene: PromotingScene, bucket: str, tmp_path: Path
) -> None:
    source = scene.open / "k"
    source.write_bytes(b"x")
    promotable = Promotable((str(scene.open),), may_remove=False)
    with closing(PromotingScene(scene.store, tmp_path, promotable)) as careless:
        assert "durability" in told(promote(careless, bucket, source, dls=True)).message
        assert promote(careless, bucket, source).status == 200


def test_promoting_is_told_as_writing(scene: PromotingScene, bucket: str) -> None:
    rule = {"QueueArn": "arn:aws:sqs:us-east-1:000000000000:hook", "Events": ["s3:ObjectCreated:*"]}
    scene.s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [rule]}
    )
    scene.events()
    (scene.open / "k").write_bytes(b"x")
    promote(scene, bucket, scene.open / "k")
    job(scene, promote(scene, bucket, scene.open, "folder/"))
    told_of = [(each["eventName"], each["s3"]["object"]["key"]) for each in scene.events()]
    assert told_of == [("ObjectCreated:Put", "k"), ("ObjectCreated:Put", "folder/k")]


def test_what_is_promoted_is_encrypted_as_its_bucket_says(
    scene: PromotingScene, bucket: str
) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    scene.s3.put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    (scene.open / "k").write_bytes(b"x")
    promote(scene, bucket, scene.open / "k")
    job(scene, promote(scene, bucket, scene.open, "f/"))
    for key in ("k", "f/k"):
        found = scene.s3.head_object(Bucket=bucket, Key=key)
        assert found["ServerSideEncryption"] == "AES256"


# Folders


def test_a_folder_is_for_a_job(scene: PromotingScene, bucket: str) -> None:
    tree(scene.open)
    snap = job(scene, promote(scene, bucket, scene.open, "in/", rcr=True))
    assert (snap["kind"], snap["stats"]["loc-objs"], snap["stats"]["loc-bytes"]) == (
        "promote",
        "4",
        "12",
    )
    assert scene.names(bucket) == ["in/a/1", "in/a/2", "in/a/c/3", "in/b"]
    assert read(scene, bucket, "in/a/c/3") == b"a/c/3"


def test_folders_in_a_folder_are_left_out_unless_they_shall_not(
    scene: PromotingScene, bucket: str
) -> None:
    tree(scene.open)
    job(scene, promote(scene, bucket, f"{scene.open}/a"))
    assert scene.names(bucket) == ["1", "2"]


def test_a_job_replaces_and_removes_only_if_it_shall(scene: PromotingScene, bucket: str) -> None:
    tree(scene.open)
    scene.put(bucket, "b", b"old")
    snap = job(scene, promote(scene, bucket, scene.open, rcr=True, dls=True))
    assert (snap["stats"]["loc-objs"], read(scene, bucket, "b")) == ("3", b"old")
    left = [path for path in scene.open.rglob("*") if path.is_file()]
    assert left == [scene.open / "b"]
    snap = job(scene, promote(scene, bucket, scene.open, rcr=True, ovw=True))
    assert (snap["stats"]["loc-objs"], read(scene, bucket, "b")) == ("1", b"b")


def test_a_job_tells_what_it_could_not_promote(scene: PromotingScene, bucket: str) -> None:
    (scene.open / "good").write_bytes(b"x")
    (scene.open / "link").symlink_to(scene.outside / "secret")
    (scene.open / "door").symlink_to(scene.outside)
    os.mkfifo(scene.open / "pipe")
    os.close(os.open(os.fsencode(scene.open) + b"/\xff", os.O_CREAT | os.O_WRONLY))
    (scene.open / ("x" * 200)).write_bytes(b"x")
    snap = job(scene, promote(scene, bucket, scene.open, "y" * 900))
    assert scene.names(bucket) == ["y" * 900 + name for name in ("good",)]
    for word in ("link", "door", "pipe", "cannot be an object's name"):
        assert word in snap["err"]
    assert not snap["aborted"]


def test_a_folder_that_goes_away_ends_the_job(scene: PromotingScene, bucket: str) -> None:
    (scene.open / "folder").mkdir()
    answer = promote(scene, bucket, scene.open / "folder")
    (scene.open / "folder").rmdir()
    snap = job(scene, answer)
    assert (snap["aborted"], "does not exist" in snap["abort-err"]) == (True, True)


def test_a_large_file_is_for_a_job(scene: PromotingScene, bucket: str) -> None:
    source = scene.open / "large"
    with source.open("wb") as file:
        file.truncate((16 << 20) + 1)
    snap = job(scene, promote(scene, bucket, source, "k", dls=True))
    assert snap["stats"]["loc-bytes"] == str((16 << 20) + 1)
    assert scene.names(bucket) == ["k"]
    assert not source.exists()


# What may not be


def test_nothing_may_be_promoted_by_default(
    scene: PromotingScene, bucket: str, tmp_path: Path
) -> None:
    with closing(PromotingScene(scene.store, tmp_path, NOTHING_PROMOTABLE)) as closed:
        error = told(promote(closed, bucket, closed.outside / "secret"))
    assert (error.status, "promote.roots" in error.message) == (400, True)


@pytest.mark.parametrize(
    "source",
    [
        "{outside}/secret",
        "{open}/../outside/secret",
        "{open}/./k",
        "{open}//k",
        "{open}x/k",
        "/",
        "/etc/passwd",
        "k",
        "",
        "{open}/k\0",
    ],
)
def test_only_what_is_plainly_below_an_open_folder_is_promoted(
    scene: PromotingScene, bucket: str, source: str
) -> None:
    (scene.open / "k").write_bytes(b"x")
    path = source.format(open=scene.open, outside=scene.outside)
    assert told(promote(scene, bucket, path)).status == 400
    assert scene.names(bucket) == []


def test_links_lead_nowhere(scene: PromotingScene, bucket: str) -> None:
    (scene.open / "file").symlink_to(scene.outside / "secret")
    (scene.open / "folder").symlink_to(scene.outside)
    (scene.open / "real").mkdir()
    (scene.open / "real" / "folder").symlink_to(scene.outside)
    for path in ("file", "folder", "folder/secret", "real/folder/secret"):
        assert told(promote(scene, bucket, scene.open / path)).status == 400
    job(scene, promote(scene, bucket, scene.open, rcr=True, ovw=True, dls=True))
    assert scene.names(bucket) == []
    assert (scene.outside / "secret").exists()


def test_an_open_folder_may_be_a_link_itself(
    scene: PromotingScene, bucket: str, tmp_path: Path
) -> None:
    link = scene.outside / "link"
    link.symlink_to(scene.open)
    (scene.open / "k").write_bytes(b"x")
    with closing(PromotingScene(scene.store, tmp_path, Promotable((str(link),)))) as linked:
        assert promote(linked, bucket, link / "k").status == 200


def test_what_is_not_there_is_missing(scene: PromotingScene, bucket: str) -> None:
    error = told(promote(scene, bucket, scene.open / "nosuch"))
    assert (error.status, "does not exist" in error.message) == (404, True)


def test_a_pipe_is_no_file(scene: PromotingScene, bucket: str) -> None:
    os.mkfifo(scene.open / "pipe")
    assert told(promote(scene, bucket, scene.open / "pipe")).status == 400


def test_a_message_that_contradicts_itself_is_refused(scene: PromotingScene, bucket: str) -> None:
    (scene.open / "k").write_bytes(b"x")
    assert told(promote(scene, bucket, scene.open / "k", said="/other")).status == 400
    assert told(promote(scene, bucket, scene.open / "k", tid="nobody")).status == 400
    (target,) = scene.json("GET", "daemon?what=smap")["tmap"]
    assert promote(scene, bucket, scene.open / "k", tid=target).status == 200
    assert told(promote(scene, bucket, scene.open / "k", "y" * 1025)).status == 400
    assert told(promote(scene, "nowhere", scene.open / "k")).status == 404


def test_promoting_takes_its_own_right(scene: PromotingScene, bucket: str) -> None:
    (scene.open / "k").write_bytes(b"x")
    for token, status in (("nobody", 403), ("reader", 403), ("writer", 403), ("owner", 200)):
        assert promote(scene, bucket, scene.open / "k", token=token).status == status


def test_a_policy_gives_nothing_of_the_machine(scene: PromotingScene, bucket: str) -> None:
    (scene.open / "k").write_bytes(b"x")
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "Allow", "s3:*"))
    for source in (scene.open / "k", scene.open):
        assert told(promote(scene, bucket, source, token="nobody")).status == 403


def test_a_policy_can_forbid_it(scene: PromotingScene, bucket: str) -> None:
    (scene.open / "k").write_bytes(b"x")
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "Deny", "s3:PutObject"))
    assert told(promote(scene, bucket, scene.open / "k", token="owner")).status == 403
    # A folder's files are not judged one by one.
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "Deny", "s3:GetObject"))
    assert promote(scene, bucket, scene.open / "k", token="owner").status == 200
    assert told(promote(scene, bucket, scene.open, token="owner")).status == 403
