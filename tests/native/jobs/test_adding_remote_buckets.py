"""Buckets of a backend that a request names first: added, or not, as AIStore's switches say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.native.jobs.cloud_scene import AWS, CloudScene, cloud_scene
from tests.native.scene import told
from tests.s3.conftest import backend_of

_BCK_PRESENT, _DONT_HEAD, _DONT_ADD = 64, 128, 256
_TRAIN = f"buckets/train?{AWS}"
_NOT_ADDED = f"{_TRAIN}&dont_add_remote_bck_md=true"


@pytest.fixture
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudScene]:
    with backend_of("memory", tmp_path_factory.mktemp("store")) as local:
        yield from cloud_scene(local, tmp_path_factory.mktemp("scene"))


def known(scene: CloudScene) -> list[str]:
    """The cloud's buckets that are in the BMD."""
    listed = scene.json("GET", f"buckets?{AWS}&presence=2", {"action": "list"})
    return [each["name"] for each in listed]


def props(answer: Any) -> dict[str, Any]:
    assert answer.status == 200, answer.headers
    found: dict[str, Any] = json.loads(answer.headers["ais-bucket-props"])
    return found


def listed(scene: CloudScene, flags: int, names: str = "name,size", **value: Any) -> Any:
    asked = {"props": names, "flags": str(flags), **value}
    return scene.act("GET", _TRAIN, "list", asked)


def names_in(answer: Any) -> list[str]:
    assert answer.status == 200, answer.body
    return [each["name"] for each in json.loads(answer.body)["entries"] or []]


def test_a_bucket_is_described_without_being_added(scene: CloudScene) -> None:
    outside = props(scene.send("HEAD", _NOT_ADDED))
    assert (outside["provider"], outside["bid"], outside["created"]) == ("aws", "0", "0")
    assert known(scene) == []
    inside = props(scene.send("HEAD", f"{_TRAIN}&dont_add_remote_bck_md=false"))
    assert inside["bid"] != "0"
    assert known(scene) == ["train"]
    assert props(scene.send("HEAD", _NOT_ADDED)) == inside


def test_a_bucket_that_is_not_there_is_not_described(scene: CloudScene) -> None:
    answer = scene.send("HEAD", f"buckets/no-such?{AWS}&dont_add_remote_bck_md=true")
    assert (answer.status, told(answer).tcode) == (404, "ErrRemoteBckNotFound")


@pytest.mark.parametrize("token", ["nobody", "patcher"])
def test_a_bucket_that_is_not_added_is_described_to_those_who_may_look(
    scene: CloudScene, token: str
) -> None:
    assert scene.send("HEAD", _NOT_ADDED, token=token).status == 403
    assert scene.send("HEAD", _NOT_ADDED, token="reader").status == 200


@pytest.mark.parametrize("presence", [2, 3, 4])
def test_the_backend_is_not_asked_for_what_must_be_present(
    scene: CloudScene, presence: int
) -> None:
    assert scene.send("HEAD", f"{_TRAIN}&presence={presence}").status == 404
    assert (known(scene), scene.cloud.requests["bucket"]) == ([], 0)
    scene.send("HEAD", _TRAIN)
    assert scene.send("HEAD", f"{_TRAIN}&presence={presence}").status == 200


def test_a_bucket_outside_is_one_that_is_not_added(scene: CloudScene) -> None:
    assert props(scene.send("HEAD", f"{_TRAIN}&presence=5"))["bid"] == "0"
    assert known(scene) == []
    scene.send("HEAD", _TRAIN)
    assert scene.send("HEAD", f"{_TRAIN}&presence=5").status == 404


def test_a_summary_of_a_bucket_that_is_not_added_is_refused(scene: CloudScene) -> None:
    answer = scene.send("HEAD", f"{_NOT_ADDED}&presence=0&bsumm_remote=true")
    assert (answer.status, known(scene)) == (501, [])
    assert "aws://train" in told(answer).message


def test_a_bucket_is_listed_without_being_added(scene: CloudScene) -> None:
    for name in ("a", "d/1", "d/2", "e"):
        scene.upload(name)
    assert names_in(listed(scene, _DONT_ADD)) == ["a", "d/1", "d/2", "e"]
    assert names_in(listed(scene, _DONT_ADD | 2048)) == ["a", "d/", "e"]
    assert names_in(listed(scene, _DONT_ADD | 2048, prefix="d")) == ["d/1", "d/2"]
    first = json.loads(listed(scene, _DONT_ADD, pagesize=3).body)
    assert first["continuation_token"] == "d/2"
    assert known(scene) == []
    assert names_in(listed(scene, 0)) == ["a", "d/1", "d/2", "e"]
    assert known(scene) == ["train"]


@pytest.mark.parametrize("name", ["atime", "cached", "location"])
def test_a_listing_of_what_is_not_added_has_only_what_the_backend_says(
    scene: CloudScene, name: str
) -> None:
    answer = listed(scene, _DONT_ADD, f"name,size,{name}")
    error = told(answer)
    assert (error.status, known(scene)) == (400, [])
    assert (
        f"cannot list remote not-in-cluster bucket aws://train for not-only-remote object "
        f"properties: '{name}'" == error.message
    )


def test_nothing_is_here_of_a_bucket_that_is_not_added(scene: CloudScene) -> None:
    assert listed(scene, _DONT_ADD | 1).status == 404


def test_a_listing_of_present_buckets_adds_none(scene: CloudScene) -> None:
    assert listed(scene, _BCK_PRESENT).status == 404
    assert (known(scene), scene.cloud.requests["bucket"]) == ([], 0)
    scene.send("HEAD", _TRAIN)
    assert listed(scene, _BCK_PRESENT).status == 200


def test_a_bucket_that_the_backend_hides_is_listed_by_trust(scene: CloudScene) -> None:
    scene.upload("a")
    scene.cloud.hides_buckets = True
    assert listed(scene, 0).status == 403
    assert listed(scene, _DONT_HEAD | _DONT_ADD).status == 403
    assert known(scene) == []
    assert names_in(listed(scene, _DONT_HEAD)) == ["a"]
    assert known(scene) == ["train"]
    assert scene.send("GET", f"objects/train/a?{AWS}").body == b"x"


def test_a_bucket_that_is_there_is_created_here_with_its_properties(scene: CloudScene) -> None:
    value = {"versioning": {"validate_warm_get": True}}
    assert scene.act("POST", _TRAIN, "create-bck", value).status == 200
    made = props(scene.send("HEAD", f"{_TRAIN}&presence=2"))
    assert made["versioning"]["validate_warm_get"] is True
    assert made["lru"]["enabled"] is True
    again = scene.act("POST", _TRAIN, "create-bck")
    assert (again.status, told(again).tcode) == (409, "ErrBucketAlreadyExists")


def test_a_bucket_is_not_created_in_the_cloud(scene: CloudScene) -> None:
    answer = scene.act("POST", f"buckets/made-here?{AWS}", "create-bck")
    error = told(answer)
    assert (error.status, error.tcode) == (501, "ErrRemoteBckNotFound")
    assert 'aws bucket "aws://made-here" does not exist' in error.message
    assert scene.act("POST", "buckets/train?provider=gcp", "create-bck").status == 501


def test_a_bucket_is_created_here_without_a_look(scene: CloudScene) -> None:
    scene.cloud.hides_buckets = True
    assert scene.act("POST", _TRAIN, "create-bck").status == 403
    trusted = f"{_TRAIN}&dont_head_remote_bck=true"
    assert scene.act("POST", trusted, "create-bck").status == 200
    assert known(scene) == ["train"]
    assert scene.act("POST", trusted, "create-bck").status == 409


def test_only_administrators_set_properties_of_a_cloud_s_bucket(scene: CloudScene) -> None:
    value = {"versioning": {"validate_warm_get": True}}
    assert scene.act("POST", _TRAIN, "create-bck", value, token="owner").status == 403
    assert scene.act("POST", _TRAIN, "create-bck", token="reader").status == 403
    assert scene.act("POST", _TRAIN, "create-bck", token="owner").status == 200


def test_a_cloud_s_bucket_is_not_destroyed(scene: CloudScene) -> None:
    scene.upload("a")
    for _ in range(2):
        answer = scene.act("DELETE", _TRAIN, "destroy-bck")
        assert (answer.status, "aws://train" in told(answer).message) == (501, True)
        assert scene.send("GET", f"objects/train/a?{AWS}").body == b"x"
