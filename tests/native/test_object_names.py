"""Names of objects: what AIStore takes, and keys of S3 that it would not."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.native.object_names import key_of
from s3gw.objects.aistore_names import name_of, names_of
from tests.native.scene import Scene, told

BAD = ("..", ".", "a/../b", "./a", "a/.", "a/..", "../a", "a/./b")
# Keys that S3 clients may have, and what they are called natively.
KEYS = {
    "a/../b": "a/%2E%2E/b",
    "./x": "%2E/x",
    "/lead": "%2Flead",
    "//x": "%2F/x",
    "%2E%2E": "%252E%252E",
    "a/%252E": "a/%25252E",
    "%2Fx": "%252Fx",
    "plain/.hidden": "plain/.hidden",
    "a..b": "a..b",
    "50%25": "50%25",
}


@pytest.mark.parametrize("name", BAD)
def test_a_name_with_dots_for_an_element_is_refused(scene: Scene, bucket: str, name: str) -> None:
    for method in ("PUT", "GET", "HEAD", "DELETE", "PATCH", "POST"):
        answer = scene.send(
            method, f"objects/{bucket}/{name}", body=b"" if method != "PUT" else b"x"
        )
        error = told(answer)
        assert (error.status, error.tcode) == (400, "errInvalidPath")
        assert error.message == f"invalid object name {json.dumps(name)}"
    assert scene.listing(bucket)["Entries"] == []


def test_it_is_refused_wherever_it_is_sent(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")

    def refused(method: str, where: str, action: str, value: Any = None, **more: Any) -> None:
        error = told(scene.act(method, where, action, value, **more))
        assert (error.status, error.tcode) == (400, "errInvalidPath")

    refused("POST", f"objects/{bucket}/k", "rename-obj", name="a/../b")
    refused("DELETE", f"buckets/{bucket}", "delete-listrange", {"objnames": ["k", "../k"]})
    refused("DELETE", f"buckets/{bucket}", "delete-listrange", {"template": "../k"})
    refused("DELETE", f"buckets/{bucket}", "delete-listrange", {"template": "../k{1..3}"})
    refused("GET", f"buckets/{bucket}", "list", {"prefix": "../k"})
    archive = {"objnames": ["k"], "archname": "../a.tar"}
    refused("PUT", f"buckets/{bucket}", "archive", archive)
    error = told(scene.send("PUT", f"objects/{bucket}/k?object_to=ais/@%23/{bucket}/../x"))
    assert error.tcode == "errInvalidPath"


@pytest.mark.parametrize("name", ["/lead", "//lead", "%2Flead"])
def test_slashes_at_the_beginning_are_dropped(scene: Scene, bucket: str, name: str) -> None:
    scene.put(bucket, name, b"x")
    assert [entry["n"] for entry in scene.listing(bucket)["Entries"]] == ["lead"]
    assert scene.send("GET", f"objects/{bucket}/lead").body == b"x"
    assert scene.act("POST", f"objects/{bucket}/lead", "rename-obj", name="/new").status == 200
    assert scene.send("GET", f"objects/{bucket}//new").body == b"x"


def test_keys_of_s3_stay_free_and_are_shown_escaped(scene: Scene, bucket: str) -> None:
    for key in KEYS:
        scene.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert {entry["n"] for entry in scene.listing(bucket)["Entries"]} == set(KEYS.values())
    for key, name in KEYS.items():
        path = f"objects/{bucket}/{quote(name, safe='/')}"
        answer = scene.send("GET", path)
        assert (answer.status, answer.body) == (200, key.encode())
        assert scene.send("HEAD", path).headers["ais-name"] == name
        assert scene.send("DELETE", path).status == 200
        assert name in told(scene.send("GET", path)).message
    assert scene.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_page_of_escaped_names_is_continued(scene: Scene, bucket: str) -> None:
    for key in ("/a", "/b", "c"):
        scene.s3.put_object(Bucket=bucket, Key=key)
    seen, token = [], ""
    while True:
        page = scene.listing(bucket, pagesize=1, continuation_token=token)
        seen += [entry["n"] for entry in page["Entries"]]
        token = page["ContinuationToken"]
        if not token:
            break
    assert seen == ["%2Fa", "%2Fb", "c"]
    below = scene.listing(bucket, prefix="%2F")["Entries"]
    assert [entry["n"] for entry in below] == ["%2Fa", "%2Fb"]


PARTS = st.sampled_from([".", "..", "%2E", "%2E%2E", "%252E", "%2F", "a", "", "%25", "...", "2E"])


@given(st.lists(PARTS, min_size=1, max_size=5).map("/".join).filter(bool))
def test_every_key_has_a_name_that_means_it(key: str) -> None:
    assert key_of(name_of(key)) == key
    assert list(names_of([key, "plain"])) == [name_of(key), "plain"]
