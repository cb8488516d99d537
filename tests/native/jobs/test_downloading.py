"""The downloader by the native API: what it takes, does, shows and refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from s3gw.jobs.downloading import web_url
from s3gw.keys.ring import new_ring
from storage.backends.http import BadUrl
from tests.native.jobs.web_scene import WebScene
from tests.native.scene import told
from tests.s3.conftest import backend_of
from tests.server_process import eventually
from tests.storage.bodies import content_of, pattern

CONTENT = pattern(200_000)
NEVER = "1970-01-01T00:00:00Z"


@pytest.fixture(scope="module", params=["memory", "local"])
def web(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WebScene]:
    ring = new_ring(tmp_path_factory.mktemp("keys") / "keyring.json", os.urandom(32))
    with backend_of(request.param, tmp_path_factory.mktemp("store")) as local:
        scene = WebScene(local, ring, tmp_path_factory.mktemp("jobs"))
        yield scene
        scene.close()


@pytest.fixture
def scene(web: WebScene) -> WebScene:
    web.site.files.clear()
    web.site.asked.clear()
    web.site.most_at_once = 0
    return web


@pytest.fixture
def bucket(scene: WebScene) -> str:
    return scene.new_bucket()


def single(bucket: str, link: str, **more: Any) -> dict[str, Any]:
    return {"type": "single", "bucket": {"name": bucket}, "link": link, **more}


def test_one_link_becomes_an_object(scene: WebScene, bucket: str) -> None:
    scene.site.write("/d/a.txt", CONTENT)
    link = f"{scene.url}a.txt"
    status = scene.downloaded(single(bucket, link))
    assert scene.content(bucket, "a.txt") == CONTENT
    (task,) = status.pop("finished_tasks")
    assert task.pop("start_time") <= task.pop("end_time")
    assert task == {"name": "a.txt", "downloaded": "200000", "total": "200000"}
    assert status.pop("started_time") > NEVER
    assert status.pop("finished_time") > NEVER
    assert status.pop("id") == status.pop("xaction_id")
    assert status == {
        "description": f"{link} -> ais://{bucket}",
        "finished_cnt": 1,
        "scheduled_cnt": 1,
        "skipped_cnt": 0,
        "error_cnt": 0,
        "total": 1,
        "all_dispatched": True,
        "aborted": False,
    }
    head = scene.s3.head_object(Bucket=bucket, Key="a.txt")
    assert (head["ContentType"], head["ContentLength"]) == ("text/plain", len(CONTENT))


def test_the_bucket_is_made_by_those_who_may(scene: WebScene) -> None:
    scene.site.write("/d/a", CONTENT)
    message = single("made-by-it", f"{scene.url}a", object_name="folder/b")
    assert told(scene.send("POST", "download", message, token="writer")).status == 403
    assert scene.send("HEAD", "buckets/made-by-it").status == 404
    scene.downloaded(message)
    assert scene.names("made-by-it") == ["folder/b"]


def test_a_list_and_a_map_name_many(scene: WebScene, bucket: str) -> None:
    for name in ("a", "b", "c d"):
        scene.site.write(f"/d/{name.replace(' ', '%20')}", name.encode())
    links = [f"{scene.url}{name}" for name in ("a", "b?x=1", "c%20d", "missing")]
    status = scene.downloaded({"type": "multi", "bucket": {"name": bucket}, "objects": links})
    assert scene.names(bucket) == ["a", "c d"]
    assert (status["finished_cnt"], status["error_cnt"], status["total"]) == (2, 2, 4)
    assert status["download_errors"] == [
        {"name": name, "error": "its server does not have it"} for name in ("b", "missing")
    ]
    objects = {"x/one": f"{scene.url}a", "x/two": f"{scene.url}a"}
    scene.downloaded({"type": "multi", "bucket": {"name": bucket}, "objects": objects})
    assert scene.names(bucket) == ["a", "c d", "x/one", "x/two"]


def test_a_name_may_be_how_the_host_begins(scene: WebScene, bucket: str) -> None:
    scene.site.write("/d/127", CONTENT)
    assert scene.downloaded(single(bucket, f"{scene.url}127"))["finished_cnt"] == 1
    assert scene.names(bucket) == ["127"]


def test_of_two_links_with_one_name_the_last_counts(scene: WebScene, bucket: str) -> None:
    scene.site.write("/d/a", b"one")
    scene.site.write("/d/e/a", b"two")
    links = [f"{scene.url}a", f"{scene.url}e/a"]
    status = scene.downloaded({"type": "multi", "bucket": {"name": bucket}, "objects": links})
    assert (status["finished_cnt"], scene.content(bucket, "a")) == (1, b"two")


def test_what_has_ended_is_not_aborted(scene: WebScene, bucket: str) -> None:
    scene.site.write("/d/a", CONTENT)
    xid = scene.downloaded(single(bucket, f"{scene.url}a"))["id"]
    scene.json("DELETE", "download/abort", {"id": xid})
    scene.run_jobs()
    assert scene.status(xid)["aborted"] is False
    scene.json("DELETE", "download/remove", {"id": xid})
    assert told(scene.send("GET", "download", {"id": xid})).status == 404


def test_a_template_names_a_range(scene: WebScene, bucket: str) -> None:
    for number in range(0, 12, 2):
        scene.site.write(f"/d/s-{number:02}.tar", CONTENT)
    address = scene.url.removeprefix("http://")
    message = {"type": "range", "bucket": {"name": bucket}, "subdir": "some/dir/"}
    status = scene.downloaded({**message, "template": f"{address}s-{{00..12..2}}.tar"})
    assert scene.names(bucket) == [f"some/dir/s-{number:02}.tar" for number in range(0, 12, 2)]
    assert (status["finished_cnt"], status["error_cnt"], status["total"]) == (6, 1, 7)
    assert [each["name"] for each in status["download_errors"]] == ["some/dir/s-12.tar"]


def test_what_is_here_and_unchanged_is_not_read_again(scene: WebScene, bucket: str) -> None:
    for name in ("a", "b", "c"):
        scene.site.write(f"/d/{name}", CONTENT)
    links = [f"{scene.url}{name}" for name in ("a", "b", "c")]
    message = {"type": "multi", "bucket": {"name": bucket}, "objects": links}
    assert scene.downloaded(message)["skipped_cnt"] == 0
    scene.site.asked.clear()
    scene.site.write("/d/b", b"new")
    scene.put(bucket, "c", b"ours")
    status = scene.downloaded(message)
    assert (status["finished_cnt"], status["skipped_cnt"]) == (3, 1)
    gets = [asked.target for asked in scene.site.asked if asked.method == "GET"]
    assert sorted(gets) == ["/d/b", "/d/c"]
    assert scene.content(bucket, "b") == b"new"
    assert scene.content(bucket, "c") == CONTENT
    other = single(bucket, f"{scene.url}b", object_name="a")
    assert scene.downloaded(other)["skipped_cnt"] == 0
    assert scene.content(bucket, "a") == b"new"


def test_limits_are_kept(scene: WebScene, bucket: str) -> None:
    for number in range(20):
        scene.site.write(f"/d/{number}", CONTENT)
    template = f"{scene.url}{{0..19}}"
    message = {"type": "range", "bucket": {"name": bucket}, "template": template}
    limited = {**message, "limits": {"connections": 2, "bytes_per_hour": 1 << 50}}
    assert scene.downloaded(limited)["finished_cnt"] == 20
    assert scene.site.most_at_once <= 2


def test_progress_is_shown_and_a_job_is_aborted(scene: WebScene, bucket: str) -> None:
    scene.site.write("/d/a", CONTENT)
    scene.site.goes_on.clear()
    xid = scene.start(single(bucket, f"{scene.url}a", description="of a large one"))
    before = scene.status(xid)
    assert (before["scheduled_cnt"], before["total"], before["finished_time"]) == (0, 1, NEVER)
    jobs = scene.server.start(scene.watched_jobs())

    def is_under_way() -> bool:
        (task,) = scene.status(xid, only_active=True).get("current_tasks", [{"downloaded": "0"}])
        return 0 < int(task["downloaded"]) < int(task["total"]) == len(CONTENT)

    eventually(is_under_way, "half of it is here")
    status = scene.status(xid)
    assert (status["scheduled_cnt"], status["finished_cnt"]) == (1, 0)
    assert scene.send("HEAD", f"objects/{bucket}/a").status == 404
    running = scene.json("GET", "download", {"regex": "large", "only_active_tasks": True})
    assert [each["id"] for each in running] == [xid]
    for what in ("abort", "remove"):
        refused = scene.send("DELETE", f"download/{what}", {"id": xid}, token="writer")
        assert told(refused).status == 403
    assert told(scene.send("DELETE", "download/remove", {"id": xid})).status == 400
    scene.json("DELETE", "download/abort", {"id": xid})
    jobs.result(20)
    scene.site.goes_on.set()
    status = scene.status(xid)
    assert (status["aborted"], status["finished_cnt"]) == (True, 0)
    assert status["finished_time"] > NEVER
    assert scene.send("HEAD", f"objects/{bucket}/a").status == 404
    assert scene.json("GET", "download", {"regex": "large", "only_active_tasks": True}) == []
    scene.json("DELETE", "download/remove", {"id": xid})
    assert told(scene.send("GET", "download", {"id": xid})).status == 404


def test_what_a_private_address_has_is_not_read(scene: WebScene, bucket: str) -> None:
    links = ["http://169.254.169.254/latest/a", "http://10.0.0.1/b", "http://[::1]:1/c"]
    status = scene.downloaded({"type": "multi", "bucket": {"name": bucket}, "objects": links})
    assert (status["finished_cnt"], status["error_cnt"]) == (0, 3)
    assert all("outbound.allow" in each["error"] for each in status["download_errors"])
    assert scene.names(bucket) == []


def test_a_secret_in_a_link_is_not_shown(scene: WebScene, bucket: str) -> None:
    scene.site.write("/d/a?sig=hidden", CONTENT)
    links = [f"{scene.url}a?sig=hidden", f"{scene.url}b?sig=hidden", "http://10.1.1.1/c?sig=hidden"]
    ids = [scene.start(single(bucket, link)) for link in links]
    scene.run_jobs()
    shown = [scene.status(xid) for xid in ids]
    assert [each["error_cnt"] for each in shown] == [0, 1, 1]
    head = scene.send("HEAD", f"objects/{bucket}/a")
    everything = repr([shown, [scene.snap(xid) for xid in ids], head.pairs])
    assert "hidden" not in everything


@pytest.mark.parametrize(
    ("message", "status", "text"),
    [
        ({}, 400, "type"),
        ({"type": "every"}, 400, "every"),
        ({"type": "single"}, 400, "bucket.name"),
        ({"type": "single", "bucket": {"name": "b"}}, 400, "link"),
        ({"type": "multi", "bucket": {"name": "b"}}, 400, "objects"),
        ({"type": "multi", "bucket": {"name": "b"}, "objects": []}, 400, "objects"),
        ({"type": "multi", "bucket": {"name": "b"}, "objects": [1]}, 400, "invalid value"),
        ({"type": "multi", "bucket": {"name": "b"}, "objects": ["http://h/"]}, 400, "name"),
        ({"type": "multi", "bucket": {"name": "b"}, "objects": ["ftp://h/a"]}, 400, "https"),
        ({"type": "multi", "bucket": {"name": "b"}, "objects": {"../a": "http://h/a"}}, 400, ".."),
        ({"type": "range", "bucket": {"name": "b"}}, 400, "template"),
        ({"type": "range", "bucket": {"name": "b"}, "template": "http://h/a"}, 400, "range"),
        ({"type": "range", "bucket": {"name": "b"}, "template": "h/{0..99999999}"}, 400, "names"),
        ({"type": "range", "bucket": {"name": "b"}, "template": "h/{0..9}/"}, 400, "directories"),
        ({"type": "backend", "bucket": {"name": "b", "provider": "aws"}}, 404, "does not exist"),
        (single("b", "http://h/a", timeout="soon"), 400, "timeout"),
        (single("b", "http://h/a", progress_interval="x"), 400, "progress_interval"),
        (single("b", "http://h/a", limits={"connections": -1}), 400, "limits"),
        (single("b", "http://u:hidden@h/a"), 400, "password"),
        (single("b", "http://h/a\nb"), 400, ""),
        (single("b", "http://h"), 400, "cannot name"),
        (single("b", "h"), 400, "cannot name"),
        (single("b", "http://h/a/"), 400, "cannot name"),
        (single("b", "file:///etc/passwd"), 400, "https"),
        (
            single("b", "http://h/a", headers={"Range": "hidden"}),
            400,
            "'Range' is the server's own",
        ),
        (single("b", "http://h/a", headers={"X": "hid\r\nden"}), 400, "'X' must have a text"),
        (single("b", "http://h/a", headers={"X": 1}), 400, "'X' must have a text"),
        (single("b", "http://h/a", headers={"X": []}), 400, "'X' must have a text"),
        (single("b", "http://h/a", headers={"a b": "x"}), 400, "name of a header"),
        (single("b", "http://h/a", headers={"X": "x" * 20_000}), 400, "16384 bytes"),
        (single("b", "http://h/a", headers={f"X-{n}": "x" for n in range(65)}), 400, "64"),
        (single("b", "", from_remote=True, headers={"X": "x"}), 400, "with links"),
        (single("b", "http://h/a", etl_name="my-etl"), 501, "--etl"),
        (single("b", "", from_remote=True, etl_name="my-etl"), 400, "downloads of links"),
        (single("b", "http://h/a", etl_args="x"), 400, "etl_args without etl_name"),
        (single("b", "http://h/a", sync=True), 400, "sync is of downloads of a backend"),
        (single("a/b", "http://h/a"), 400, "bucket name"),
    ],
)
def test_what_cannot_be_downloaded_is_refused(
    scene: WebScene, message: dict[str, Any], status: int, text: str
) -> None:
    refused = told(scene.send("POST", "download", message))
    assert (refused.status, text in refused.message) == (status, True)
    assert "hidden" not in refused.message


def test_it_asks_for_the_rights_to_what_it_writes(scene: WebScene, bucket: str) -> None:
    message = single(bucket, f"{scene.url}a")
    for token in ("nobody", "reader", "patcher"):
        assert told(scene.send("POST", "download", message, token=token)).status == 403
    scene.json("POST", "download", message, token="writer")
    ours = {"type": "backend", "bucket": {"name": bucket}}
    assert "remote bucket" in told(scene.send("POST", "download", ours)).message
    into_web = {**message, "bucket": {"name": "x", "provider": "ht"}}
    assert told(scene.send("POST", "download", into_web)).status == 501
    scene.run_jobs()


@pytest.mark.parametrize("kind", ["single", "multi", "range"])
def test_headers_are_sent_with_each_request_and_shown_nowhere(
    scene: WebScene, bucket: str, kind: str
) -> None:
    for number in range(2):
        scene.site.write(f"/d/{number}", CONTENT)
    sources: dict[str, dict[str, Any]] = {
        "single": {"link": f"{scene.url}0"},
        "multi": {"objects": [f"{scene.url}0", f"{scene.url}1"]},
        "range": {"template": f"{scene.url}{{0..1}}"},
    }
    token = os.urandom(12).hex()
    headers = {"Authorization": f"Bearer {token}", "X-Two": ["a", "b"]}
    message = {"type": kind, "bucket": {"name": bucket}, **sources[kind], "headers": headers}
    xid = scene.start(message)
    # Neither the record of the job, nor what is written of it later, has the secret.
    kept = b"".join(each.read_bytes() for each in scene.folder.glob("coordination.db*"))
    assert (xid.encode() in kept, token.encode() in kept) == (True, False)
    scene.run_jobs()
    assert scene.status(xid)["error_cnt"] == 0
    assert scene.content(bucket, "0") == CONTENT
    assert scene.site.asked
    for asked in scene.site.asked:
        assert asked.headers["authorization"] == f"Bearer {token}"
        assert asked.headers["x-two"] == "a, b"
        assert asked.headers["accept-encoding"] == "identity"
    shown = [scene.status(xid), scene.snap(xid), scene.json("GET", "download", {})]
    assert token not in str(shown)
    # The same link without the headers is another request.
    scene.site.asked.clear()
    scene.downloaded({**message, "headers": None})
    assert all("authorization" not in asked.headers for asked in scene.site.asked)


def test_a_job_is_asked_for_in_one_way(scene: WebScene) -> None:
    both = {"id": "dnl-x", "regex": "x"}
    assert told(scene.send("GET", "download", both)).status == 400
    assert told(scene.send("GET", "download", {"regex": "(?=x)"})).status == 400
    error = told(scene.send("GET", "download", {"id": "nosuch"}))
    assert (error.status, error.tcode) == (404, "ErrNotFound")
    assert error.message == "download job nosuch does not exist"
    assert told(scene.send("DELETE", "download/abort", {})).status == 400
    assert told(scene.send("DELETE", "download/pause", {"id": "x"})).status == 400
    assert told(scene.send("GET", "download", token="nobody")).status == 403


def test_a_download_into_a_clouds_bucket_is_written_through(scene: WebScene) -> None:
    scene.site.write("/d/a", CONTENT)
    message = single("train", f"{scene.url}a")
    message["bucket"]["provider"] = "aws"
    assert told(scene.send("POST", "download", message, token="reader")).status == 403
    assert scene.downloaded(message)["finished_cnt"] == 1

    async def in_cloud() -> bytes:
        return await content_of(await scene.cloud.get_object("train", "a"))

    assert scene.server.run(in_cloud()) == CONTENT
    assert scene.content("train", "a?provider=aws") == CONTENT
    assert scene.downloaded(message)["skipped_cnt"] == 1


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("host/d/a", "http://host/d/a"),
        ("https://host/d/a", "https://host/d/a"),
        ("gs://bucket/a/b", "https://storage.googleapis.com/bucket/a/b"),
        ("s3://bucket/a/b", "https://s3.amazonaws.com/bucket/a/b"),
        ("https://h/a b/é?x=%2F#part", "https://h/a%20b/%C3%A9?x=%2F"),
    ],
)
def test_a_link_is_a_url_of_the_web(link: str, url: str) -> None:
    assert web_url(link) == url


@pytest.mark.parametrize("link", ["", "az://b/a", "javascript:x", "http://", "http://h/../a"])
def test_any_other_link_is_not(link: str) -> None:
    with pytest.raises(BadUrl):
        web_url(link)
