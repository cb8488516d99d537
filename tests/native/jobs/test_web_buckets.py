"""Buckets of the web by the native API: learnt by a URL, read, listed, evicted, never written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from s3gw.keys.ring import new_ring
from storage.backends.http import bucket_name
from tests.asgi import Answer
from tests.native.jobs.web_scene import WebScene
from tests.native.scene import told
from tests.s3.conftest import backend_of
from tests.storage.bodies import pattern

CONTENT = pattern(200_000)


@pytest.fixture(params=["memory", "local"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WebScene]:
    ring = new_ring(tmp_path_factory.mktemp("keys") / "keyring.json", os.urandom(32))
    with backend_of(request.param, tmp_path_factory.mktemp("store")) as local:
        scene = WebScene(local, ring, tmp_path_factory.mktemp("jobs"))
        for name in ("a", "b", "c"):
            scene.site.write(f"/d/{name}", CONTENT)
        yield scene
        scene.close()


def read(
    scene: WebScene, name: str, url: str = "", method: str = "GET", token: str = "admin"
) -> Answer:
    query = f"provider=ht&original_url={quote(url, safe='')}" if url else "provider=ht"
    target = f"objects/{bucket_name(scene.url)}/{quote(name, safe='')}?{query}"
    return scene.send(method, target, token=token)


def test_a_bucket_is_learnt_with_the_url_of_its_directory(scene: WebScene) -> None:
    bucket = bucket_name(scene.url)
    assert read(scene, "a").status == 404
    answer = read(scene, "a", f"{scene.url}a")
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["content-type"] == "text/plain"
    custom = [text for name, text in answer.pairs if name == "ais-custom-md"]
    assert {"source=ht", f"orig_url={scene.url}a"} <= {*custom}
    assert read(scene, "b").body == CONTENT
    props = scene.send("HEAD", f"buckets/{bucket}?provider=ht").headers["ais-bucket-props"]
    assert f'"http":{{"original_url":"{scene.url}"}}' in props
    listed = scene.json("GET", "buckets?provider=ht", {"action": "list"})
    assert [each["name"] for each in listed] == [bucket]
    entries = scene.json("GET", f"buckets/{bucket}?provider=ht", {"action": "list", "value": {}})
    assert [(each["name"], each["flags"]) for each in entries["entries"]] == [("a", 64), ("b", 64)]
    assert scene.s3.get_object(Bucket=bucket, Key="a")["Body"].read() == CONTENT


def test_a_head_learns_too_and_brings_nothing(scene: WebScene) -> None:
    answer = read(scene, "a", f"{scene.url}a", "HEAD")
    assert (answer.status, answer.headers["ais-present"]) == (200, "false")
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert scene.site.methods() == ["HEAD", "HEAD"]


def test_nothing_is_learnt_of_what_is_not_there(scene: WebScene) -> None:
    assert read(scene, "missing", f"{scene.url}missing").status == 404
    private = "http://10.0.0.1/d/"
    target = f"objects/{bucket_name(private)}/a?provider=ht&original_url={private}a"
    refused = told(scene.send("GET", target))
    assert (refused.status, "outbound.allow" in refused.message) == (403, True)
    assert scene.json("GET", "buckets?provider=ht", {"action": "list"}) == []


@pytest.mark.parametrize("url", ["http://h/d/a", "{}b", "{}", "{}a?x=1", "ftp://h/a", "x"])
def test_a_url_of_something_else_is_refused(scene: WebScene, url: str) -> None:
    refused = told(read(scene, "a", url.format(scene.url)))
    assert refused.status == 400
    read(scene, "a", f"{scene.url}a")
    assert told(read(scene, "a", url.format(scene.url))).status == 400


def test_a_name_that_is_known_of_another_url_is_refused(scene: WebScene) -> None:
    read(scene, "a", f"{scene.url}a")
    secure = f"{scene.url.replace('http:', 'https:')}a"
    refused = told(read(scene, "a", secure))
    assert (refused.status, f"is {scene.url}" in refused.message) == (400, True)
    bucket = bucket_name(scene.url)
    scene.act("DELETE", f"buckets/{bucket}?provider=ht", "evict-remote-bck")
    assert read(scene, "a").status == 404


def test_original_urls_are_of_the_web_only(scene: WebScene) -> None:
    bucket = scene.new_bucket()
    scene.put(bucket, "a")
    target = f"objects/{bucket}/a?original_url=http://h/a"
    assert told(scene.send("GET", target)).status == 501


def test_reading_is_a_right(scene: WebScene) -> None:
    url = f"{scene.url}a"
    assert read(scene, "a", url, token="").status == 401
    assert read(scene, "a", url, token="nobody").status == 403
    assert read(scene, "a", url, token="reader").body == CONTENT
    with pytest.raises(ClientError):
        scene.s3.get_object(Bucket="ht", Key="a")


def test_a_query_is_a_part_of_the_name(scene: WebScene) -> None:
    scene.site.write("/d/a?v=2", b"two")
    assert read(scene, "a?v=2", f"{scene.url}a?v=2").body == b"two"
    assert read(scene, "a", f"{scene.url}a").body == CONTENT


def test_writes_are_refused(scene: WebScene) -> None:
    bucket = bucket_name(scene.url)
    read(scene, "a", f"{scene.url}a")
    for method in ("PUT", "DELETE", "PATCH"):
        value = {"action": "", "value": {"x": "y"}} if method == "PATCH" else None
        answer = scene.send(method, f"objects/{bucket}/a?provider=ht", value)
        assert (answer.status, b"only read" in answer.body) == (501, True)
    for operation, more in (
        ("put_object", {"Body": b"x"}),
        ("delete_object", {}),
        ("create_multipart_upload", {}),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(scene.s3, operation)(Bucket=bucket, Key="a", **more)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert read(scene, "a").body == CONTENT
    assert scene.site.methods() == ["HEAD", "GET"]


def test_jobs_fetch_and_evict(scene: WebScene) -> None:
    bucket = bucket_name(scene.url)
    read(scene, "a", f"{scene.url}a")
    where = f"buckets/{bucket}?provider=ht"
    chosen = {"objnames": ["b", "c", "missing"], "coer": True}
    snap = scene.done("POST", where, "prefetch-listrange", chosen)
    assert (snap["stats"]["loc-objs"], "does not exist" in snap["err"]) == ("2", True)
    scene.done("DELETE", where, "evict-listrange", {"objnames": ["a", "b"]})
    page = scene.json("GET", where, {"action": "list", "value": {}})
    assert [each["name"] for each in page["entries"]] == ["c"]


def test_the_newest_is_read_by_a_condition(scene: WebScene) -> None:
    read(scene, "a", f"{scene.url}a")
    target = f"objects/{bucket_name(scene.url)}/a?provider=ht&latest-ver=true"
    assert scene.send("GET", target).body == CONTENT
    assert "if-none-match" in scene.site.asked[-1].headers
    scene.site.write("/d/a", b"new")
    assert scene.send("GET", target).body == b"new"


def test_a_large_object_is_read_in_many_ranges(scene: WebScene) -> None:
    large = pattern(3 << 20)
    scene.site.write("/d/large", large)
    read(scene, "a", f"{scene.url}a")
    headers = {"Ais-Blob-Download": "true", "Ais-Blob-Chunk": "1MiB"}
    target = f"objects/{bucket_name(scene.url)}/large?provider=ht"
    assert scene.send("GET", target, headers=headers).body == large
    ranges = [asked.headers["range"] for asked in scene.site.asked if "range" in asked.headers]
    assert len(ranges) >= 3
    assert scene.send("GET", target).body == large


def test_a_bucket_of_ours_stands_for_one_of_the_web(scene: WebScene) -> None:
    read(scene, "a", f"{scene.url}a")
    ours, theirs = scene.new_bucket(), bucket_name(scene.url)
    props = {"backend_bck": {"name": theirs, "provider": "ht"}}
    assert scene.act("PATCH", f"buckets/{ours}", "set-bprops", props).status == 200
    assert scene.content(ours, "b") == CONTENT
    shown = scene.send("HEAD", f"buckets/{ours}").headers["ais-bucket-props"]
    assert f'"backend_bck":{{"name":"{theirs}","provider":"ht"' in shown
    unknown = {"backend_bck": {"name": "unknown", "provider": "ht"}}
    assert told(scene.act("PATCH", f"buckets/{ours}", "set-bprops", unknown)).status == 404
