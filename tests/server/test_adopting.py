"""`s3gw cluster adopt` between a server of one machine and a node of a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from s3gw.server.outboxes import NOTIFICATIONS
from storage.outbox import Record
from storage.outbox_file import FileOutbox, prepare
from storage.values import BucketOptions
from tests.cluster.adopting.full_store import opened
from tests.cluster.postgres import PostgresServer, postgres
from tests.server.test_backup import keys_of
from tests.server.test_commands import s3gw
from tests.server_process import ServerProcess
from tests.storage.event_loop import run
from tests.storage.sync_bucket import SyncBucket

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BODY = b"x" * 200_000
BUCKET = "bucket"
COLUMNS = ["BUCKET", "OBJECTS", "VERSIONS", "MARKERS", "UPLOADS", "BLOBS", "SIZE"]


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


class Scene:
    """A store with keys of its own in the first of two data folders, and a cluster to be."""

    def __init__(self, root: Path, address: str) -> None:
        self.root = root
        self.data = [root / "one", root / "two"]
        self.shared = root / "shared"
        self.address = address
        self.cluster = ["--cluster", address, "--cluster-blobs", f"shared:{self.shared}"]
        self.master_key = self.data[0] / "master.key"

    def machine(self) -> ServerProcess:
        flags = ["--master-key-file", str(self.master_key)]
        return ServerProcess(self.root / "machine", data=self.data, fixed_keys=False, flags=flags)

    def node(self) -> ServerProcess:
        flags = [*self.cluster, "--master-key-file", str(self.shared / "master.key")]
        return ServerProcess(self.root / "node", fixed_keys=False, flags=flags)

    def adopt(self, *words: str, code: int = 0) -> str:
        folders = [word for folder in self.data for word in ("--data", str(folder))]
        flags = [*folders, *self.cluster, "--master-key-file", str(self.master_key)]
        done = s3gw("cluster", "adopt", *flags, *words, folder=self.root)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 or done.stdout else done.stderr


@pytest.fixture
def scene(tmp_path: Path, database: PostgresServer, request: pytest.FixtureRequest) -> Scene:
    name = f"adopting_{abs(hash(request.node.nodeid))}"
    database.run(f"CREATE DATABASE {name}")
    return Scene(tmp_path, database.address(name))


def fill(client: S3Client) -> None:
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="sealed", Body=BODY, ServerSideEncryption="AES256")
    client.put_object(Bucket=BUCKET, Key="plain", Body=BODY)
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    client.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=1, Body=BODY)


def check(client: S3Client) -> None:
    for key in ("sealed", "plain"):
        assert client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == BODY
    (upload,) = client.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    parts = client.list_parts(Bucket=BUCKET, Key="parts", UploadId=upload["UploadId"])["Parts"]
    assert [part["Size"] for part in parts] == [len(BODY)]


def key_of_a_user(data: Path, folder: Path) -> tuple[str, str]:
    place = ("--data", str(data), "--json")
    assert s3gw("auth", "user", "add", "ann", *place, folder=folder).returncode == 0
    made = json.loads(s3gw("auth", "key", "add", "ann", *place, folder=folder).stdout)
    return made["access_key"], made["secret_key"]


def test_a_cluster_has_objects_users_and_keys_and_the_store_can_be_served_again(
    scene: Scene,
) -> None:
    with scene.machine() as machine:
        root = keys_of(scene.data[0])
        fill(machine.client(*root))
        ann = key_of_a_user(scene.data[0], scene.root)
        machine.stop()
    said: Any = json.loads(scene.adopt("--json"))
    assert said["complete"]
    assert said["entries"]["/auth/users"] == 1
    assert sorted(said["key_files"]) == [
        "auth.key", "credentials.json", "keyring.json", "master.key",
    ]  # fmt: skip
    with scene.node() as node:
        check(node.client(*root))
        # Known, but not allowed to.
        with pytest.raises(Exception, match="AccessDenied"):
            node.client(*ann).list_objects_v2(Bucket=BUCKET)
        node.client(*root).delete_object(Bucket=BUCKET, Key="plain")
        node.stop()
    with scene.machine() as machine:
        check(machine.client(*root))


def test_the_report_is_a_table(scene: Scene) -> None:
    with scene.machine() as machine:
        fill(machine.client(*keys_of(scene.data[0])))
        machine.stop()
    dry = scene.adopt("--dry-run").splitlines()
    assert dry[0].split() == COLUMNS
    assert dry[1].split() == [BUCKET, "2", "0", "0", "1", "3", "390.6", "KiB"]
    assert dry[-1] == "Nothing stands in the way: 1 bucket, 4 rows, 3 blobs."
    done = scene.adopt().splitlines()
    assert done[:2] == dry[:2]
    assert "1 bucket, 4 rows, 3 blobs, 3 linked by this run." in done[-1]
    assert "Adopted before: " in scene.adopt()


def test_what_is_damaged_and_what_waits_is_named(scene: Scene) -> None:
    with opened(scene.data) as store:
        run(store.create_bucket(BUCKET, BucketOptions("me")))
        bucket = SyncBucket(store, BUCKET)
        bucket.put("lost", BODY)
        bucket.put("there", b"small")
    prepare(scene.data[0] / NOTIFICATIONS)
    with closing(FileOutbox(scene.data[0] / NOTIFICATIONS, limit_bytes=1 << 20)) as queue:
        run(queue.append([Record("target", b"{}"), Record("target", b"{}")]))
    (blob,) = (each for folder in scene.data for each in folder.glob("blobs/*/*"))
    content = blob.read_bytes()
    blob.unlink()
    for words in ([], ["--dry-run"]):
        said = scene.adopt(*words, code=1)
        assert f"{BUCKET}/lost: blob missing\n1 damaged: clients see nothing yet." in said
    blob.write_bytes(content)
    said = scene.adopt()
    assert f"Left behind: 2 events that {scene.data[0] / NOTIFICATIONS} has not" in said
    assert "Adopted in" in said


def test_what_stands_in_the_way_is_named(scene: Scene) -> None:
    with scene.machine() as machine:
        fill(machine.client(*keys_of(scene.data[0])))
        machine.stop()
    with ServerProcess(scene.root / "node", fixed_keys=False, flags=scene.cluster) as node:
        node.stop()
    refused = scene.adopt(code=1)
    assert "the cluster has users, keys or settings of its own (" in refused
    assert "credentials.json is not the same as" in refused
    assert scene.adopt("--dry-run", code=1).splitlines()[-1] in refused
    objects = json.loads(scene.adopt("--objects-only", "--json"))
    assert (objects["entries"], objects["complete"]) == ({}, True)


def test_a_server_that_runs_is_in_the_way(scene: Scene) -> None:
    with scene.machine():
        assert "is in use by another s3gw; stop it" in scene.adopt(code=1)


def test_the_database_that_is_away_is_named_without_its_password(scene: Scene) -> None:
    with scene.machine() as machine:
        machine.stop()
    address = "postgresql://s3gw:hidden@127.0.0.1:1/s3gw"
    flags = ["--data", str(scene.data[0]), "--data", str(scene.data[1])]
    done = s3gw(
        "cluster", "adopt", *flags, "--cluster", address, "--cluster-blobs", "shared:/nowhere",
        folder=scene.root,
    )  # fmt: skip
    assert done.returncode == 1
    assert "The database cannot be used" in done.stderr
    assert "hidden" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_not_there_is_named(scene: Scene) -> None:
    with scene.machine() as machine:
        machine.stop()
    scene.cluster[1] += "_not"
    assert '_not" does not exist' in scene.adopt(code=1)


def test_a_cluster_has_to_be_named(scene: Scene) -> None:
    for missing, flags in (
        ("database is missing", []),
        ("cluster.blobs is not: name the folder", scene.cluster[:2]),
    ):
        done = s3gw("cluster", "adopt", *flags, folder=scene.root)
        assert done.returncode == 2
        assert missing in done.stderr


def test_nothing_unfinished_is_there_to_be_removed(scene: Scene) -> None:
    with scene.machine() as machine:
        machine.stop()
    assert scene.adopt("--abandon") == "There is none.\n"
