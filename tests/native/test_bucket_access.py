"""The bucket's `access`, with authentication and without, and what a refusal says is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from storage.backends.memory import MemoryBackend
from tests.native.scene import Scene, services, told


@pytest.fixture(scope="module")
def open_scene() -> Iterator[Scene]:
    """A server without authentication."""
    store = MemoryBackend()
    scene = Scene(store, services(store, auth_enabled=False))
    yield scene
    scene.close()


def close(scene: Scene, access: str, **more: str) -> str:
    name = scene.new_bucket()
    scene.put(name, "k", b"abc")
    value = {"access": access}
    assert scene.act("PATCH", f"buckets/{name}", "set-bprops", value, **more).status == 200
    return name


@pytest.mark.parametrize("access", ["1", "2", "771", "HEAD-OBJECT"])
def test_without_authentication_reading_and_opening_stay_allowed(
    open_scene: Scene, access: str
) -> None:
    name = close(open_scene, access)
    assert open_scene.send("HEAD", f"buckets/{name}").status == 200
    assert open_scene.act("GET", f"buckets/{name}", "list", {}).status == 200
    assert open_scene.send("GET", f"objects/{name}/k").body == b"abc"
    assert open_scene.send("HEAD", f"objects/{name}/k").status == 200
    value = {"access": "su"}
    assert open_scene.act("PATCH", f"buckets/{name}", "set-bprops", value).status == 200
    assert open_scene.act("DELETE", f"buckets/{name}", "destroy-bck").status == 200


@pytest.mark.parametrize(
    ("method", "path", "action", "right"),
    [
        ("PUT", "objects/{}/k", "", "PUT"),
        ("PUT", "objects/{}/k?append_type=append", "", "APPEND"),
        ("DELETE", "objects/{}/k", "", "DELETE-OBJECT"),
        ("POST", "objects/{}/k", "rename-obj", "MOVE-OBJECT"),
        ("PATCH", "objects/{}/k", "", "UPDATE-OBJECT"),
        ("DELETE", "buckets/{}", "delete-listrange", "DELETE-OBJECT"),
        ("DELETE", "buckets/{}", "destroy-bck", "DESTROY-BUCKET"),
        ("POST", "buckets/{}?bck_to=ais/@%23/other/", "move-bck", "MOVE-BUCKET"),
    ],
)
def test_without_authentication_data_and_destruction_are_judged(
    open_scene: Scene, method: str, path: str, action: str, right: str
) -> None:
    name = close(open_scene, "1")
    value = {"template": ""} if action == "delete-listrange" else None
    answer = (
        open_scene.act(method, path.format(name), action, value, name="new")
        if action
        else open_scene.send(method, path.format(name), None, body=b"")
    )
    error = told(answer)
    assert (error.status, error.tcode) == (403, "ErrBucketAccessDenied")
    assert error.message == f"bucket ais://{name}: {right} access denied (allowed: [GET])"
    assert open_scene.send("GET", f"objects/{name}/k").body == b"abc"


def test_a_refusal_names_four_rights_at_most(open_scene: Scene) -> None:
    name = close(open_scene, "rw")
    error = told(open_scene.act("DELETE", f"buckets/{name}", "destroy-bck"))
    assert "allowed: [GET,HEAD-OBJECT,PUT,APPEND, ...]" in error.message


def test_with_authentication_every_right_is_judged(scene: Scene) -> None:
    name = close(scene, "2")
    error = told(scene.send("GET", f"objects/{name}/k"))
    message = f"bucket ais://{name}: GET access denied (allowed: [HEAD-OBJECT])"
    assert (error.status, error.message) == (403, message)
    error = told(scene.act("GET", f"buckets/{name}", "list", {}, token="owner"))
    assert "LIST-OBJECTS access denied" in error.message
    assert told(scene.send("HEAD", f"buckets/{name}", token="owner")).status == 403


def test_an_administrator_can_always_open_a_bucket(scene: Scene) -> None:
    name = close(scene, "1")
    value = {"access": "su"}
    assert scene.act("PATCH", f"buckets/{name}", "set-bprops", value).status == 200


def test_a_missing_right_of_the_caller_is_not_the_bucket_s(scene: Scene, bucket: str) -> None:
    error = told(scene.send("PUT", f"objects/{bucket}/k", token="reader"))
    assert error.message == f'bucket "ais://{bucket}": access denied'


@pytest.mark.parametrize("zero", [0, "0", " 0 "])
def test_the_number_0_is_full_access_as_it_was_by_default(scene: Scene, zero: object) -> None:
    bucket = scene.new_bucket()
    full = shown_access(scene, bucket)
    for access in ("ro", zero):
        value = {"access": access}
        assert scene.act("PATCH", f"buckets/{bucket}", "set-bprops", value).status == 200
    assert shown_access(scene, bucket) == full


def shown_access(scene: Scene, bucket: str) -> object:
    props = scene.send("HEAD", f"buckets/{bucket}").headers["ais-bucket-props"]
    return json.loads(props)["access"]
