"""Buckets of HDFS by the native API: attached by a property, evicted, detached."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from s3gw.keys.ring import new_ring
from s3gw.server.backends import REFUSED
from storage.errors import BucketNotFound
from storage.tier import Tier, TieredStore
from storage.values import BucketOptions
from tests.native.jobs.scene import JobScene
from tests.native.scene import told
from tests.s3.conftest import backend_of
from tests.storage.bodies import body_of
from tests.storage.cloud import Cloud
from tests.storage.fake_clock import FakeClock
from tests.storage.sync_bucket import put_options

HDFS = "provider=hdfs"
FOLDER = "train:/data/train"
PROPERTY = {"extra": {"hdfs": {"ref_directory": "/data/train"}}}


class FolderScene(JobScene):
    """A server in front of an HDFS with the folder `/data/train`, and another backend."""

    hdfs: Cloud

    def props(self, bucket: str = "train") -> Any:
        answer = self.send("HEAD", f"buckets/{bucket}?{HDFS}")
        return json.loads(answer.headers["ais-bucket-props"]) if answer.status == 200 else None

    def attach(self, props: Any, bucket: str = "train", **more: Any) -> Any:
        return self.act("POST", f"buckets/{bucket}?{HDFS}", "create-bck", props, **more)

    def listed(self, flags: int = 0) -> list[str]:
        asked = {"props": "name", "flags": str(flags)}
        page = self.json("GET", f"buckets/train?{HDFS}", {"action": "list", "value": asked})
        return [each["name"] for each in page["entries"] or []]

    def read(self, name: str) -> bytes:
        answer = self.send("GET", f"objects/train/{name}?{HDFS}")
        assert answer.status == 200, answer.body
        body: bytes = answer.body
        return body


@pytest.fixture
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FolderScene]:
    ring = new_ring(tmp_path_factory.mktemp("keys") / "keyring.json", os.urandom(32))
    with backend_of("memory", tmp_path_factory.mktemp("store")) as local:
        hdfs, other = Cloud(FakeClock()), Cloud(FakeClock())
        store = TieredStore(Tier(local, {"hdfs": hdfs, "aws": other}, refused=REFUSED))
        scene = FolderScene(store, ring, tmp_path_factory.mktemp("jobs"))
        scene.hdfs = hdfs
        scene.server.run(hdfs.create_bucket(FOLDER, BucketOptions("")))
        scene.server.run(hdfs.put_object(FOLDER, "a", body_of(b"one"), put_options()))
        yield scene
        scene.server.run(store.tier.aclose())
        scene.close()


@pytest.mark.parametrize(
    "props", [PROPERTY, {"extra.hdfs.ref_directory": "/data/train/"}], ids=["nested", "dotted"]
)
def test_a_bucket_is_created_for_a_folder(scene: FolderScene, props: Any) -> None:
    assert scene.props() is None
    assert scene.attach(props).status == 200
    shown = scene.props()
    assert (shown["provider"], shown["extra"]["hdfs"]) == (
        "hdfs",
        {"ref_directory": "/data/train"},
    )
    assert shown["lru"]["enabled"] is True
    assert (scene.listed(), scene.read("a")) == (["a"], b"one")
    assert scene.listed(flags=1) == ["a"]
    buckets = scene.json("GET", f"buckets?{HDFS}&presence=2", {"action": "list"})
    assert [each["name"] for each in buckets] == ["train"]


def test_other_properties_can_be_said_with_it(scene: FolderScene) -> None:
    props = {**PROPERTY, "checksum": {"type": "md5"}, "lru": {"enabled": False}}
    assert scene.attach(props).status == 200
    assert (scene.props()["checksum"]["type"], scene.props()["lru"]["enabled"]) == ("md5", False)


def test_a_second_bucket_of_the_name_is_refused(scene: FolderScene) -> None:
    assert scene.attach(PROPERTY).status == 200
    assert scene.attach(PROPERTY).status == 409


@pytest.mark.parametrize(
    ("props", "message"),
    [
        (None, "extra.hdfs.ref_directory must be specified"),
        ({"checksum": {"type": "md5"}}, "extra.hdfs.ref_directory must be specified"),
        ({"extra.hdfs.ref_directory": "data/train"}, "an absolute path"),
        ({"extra.hdfs.ref_directory": "/data/../etc"}, "must not be a path"),
        ({"extra.hdfs.ref_directory": "/data/a:b"}, "must not be a path"),
        ({"extra.hdfs.ref_directory": 7}, "must be a text"),
        ({"extra.hdfs.ref_directory": "/nowhere"}, '"/nowhere" is not a folder of HDFS'),
        ({**PROPERTY, "no.such": 1}, "unknown bucket property"),
    ],
)
def test_without_a_folder_there_is_no_bucket(scene: FolderScene, props: Any, message: str) -> None:
    answer = scene.attach(props)
    assert (answer.status, message in told(answer).message) == (400, True), told(answer)
    assert scene.props() is None


def test_only_administrators_attach_and_detach(scene: FolderScene) -> None:
    """The server reads the folder with its own rights, whoever creates the bucket."""
    statuses = [scene.attach(PROPERTY, token=each).status for each in ("owner", "writer", "")]
    assert statuses == [403, 403, 401]
    assert scene.props() is None
    scene.attach(PROPERTY)
    target = f"buckets/train?{HDFS}"
    assert scene.act("DELETE", target, "destroy-bck", token="owner").status == 403
    assert scene.listed() == ["a"]


def test_the_folder_of_a_bucket_does_not_change(scene: FolderScene) -> None:
    scene.attach(PROPERTY)
    other = {"extra.hdfs.ref_directory": "/data/other"}
    answer = scene.act("PATCH", f"buckets/train?{HDFS}", "set-bprops", other)
    assert (answer.status, "it cannot be changed" in told(answer).message) == (400, True)
    same = scene.act("PATCH", f"buckets/train?{HDFS}", "set-bprops", PROPERTY)
    assert same.status == 200
    ours = scene.new_bucket()
    answer = scene.act("PATCH", f"buckets/{ours}", "set-bprops", other)
    assert (answer.status, "unknown bucket property" in told(answer).message) == (400, True)


def test_an_evicted_bucket_stays_known(scene: FolderScene) -> None:
    """As AIStore has it: only its properties say which folder it is."""
    scene.attach(PROPERTY)
    scene.read("a")
    assert scene.act("DELETE", f"buckets/train?{HDFS}", "evict-remote-bck").status == 200
    assert scene.props()["extra"]["hdfs"] == {"ref_directory": "/data/train"}
    assert (scene.listed(flags=1), scene.listed()) == ([], ["a"])
    assert scene.read("a") == b"one"


def test_a_destroyed_bucket_is_forgotten_and_its_folder_stays(scene: FolderScene) -> None:
    scene.attach(PROPERTY)
    scene.read("a")
    assert scene.act("DELETE", f"buckets/train?{HDFS}", "destroy-bck").status == 200
    assert scene.props() is None
    page = scene.server.run(scene.hdfs.head_object(FOLDER, "a"))
    assert page.info.size == 3
    assert scene.attach(PROPERTY).status == 200
    assert scene.listed() == ["a"]


def test_a_bucket_of_our_own_can_be_connected_with_one(scene: FolderScene) -> None:
    scene.attach(PROPERTY)
    ours = scene.new_bucket()
    backend = {"backend_bck": {"name": "train", "provider": "hdfs"}}
    assert scene.act("PATCH", f"buckets/{ours}", "set-bprops", backend).status == 200
    assert scene.send("GET", f"objects/{ours}/a").body == b"one"
    answer = scene.send("HEAD", f"buckets/{ours}")
    shown = json.loads(answer.headers["ais-bucket-props"])
    assert (shown["backend_bck"]["name"], shown["backend_bck"]["provider"]) == ("train", "hdfs")


@pytest.mark.parametrize("name", [FOLDER, "train:/", ":/data/train"])
def test_no_folder_is_reached_by_a_name(scene: FolderScene, name: str) -> None:
    """What names a folder to the backend must not come from a client."""
    ours = scene.new_bucket()
    backend = {"backend_bck": {"name": name, "provider": "hdfs"}}
    assert scene.act("PATCH", f"buckets/{ours}", "set-bprops", backend).status == 400
    quoted = name.replace("/", "%2F")
    assert scene.send("HEAD", f"buckets/{quoted}?{HDFS}").status in (400, 404)
    assert scene.send("GET", f"objects/{quoted}/a?{HDFS}").status in (400, 404)
    with pytest.raises(BucketNotFound):
        scene.server.run(scene.store.head_bucket(f"hdfs/{name}"))


def test_without_the_backend_there_is_nothing_to_attach(scene: FolderScene) -> None:
    answer = scene.act("POST", "buckets/b?provider=gcp", "create-bck", PROPERTY)
    assert answer.status == 501
