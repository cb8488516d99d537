"""Downloads whose objects go through a transformer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.etl.scene import COMMAND_ODD, EtlScene
from tests.server_process import ServerProcess, eventually

LARGE = bytes(range(256)) * (3 << 12)


@pytest.fixture(scope="module")
def web(scene: EtlScene) -> str:
    """A folder of links: objects of this server itself."""
    bucket = scene.new_bucket({"large": LARGE, "0.txt": b"zero", "1.txt": b"1", "2.txt": b"two"})
    return f"http://localhost:{scene.server.port}/{bucket}"


@pytest.fixture
def bucket(scene: EtlScene) -> str:
    return scene.new_bucket()


def start(scene: EtlScene, bucket: str, etl: str, **more: Any) -> str:
    """The id of a download that was begun."""
    message = {"bucket": {"name": bucket}, "etl_name": etl, **more}
    return str(scene.json("POST", "download", message)["id"])


def status(scene: EtlScene, job: str) -> dict[str, Any]:
    """The status of a download that has ended."""

    def ended() -> Any:
        found = scene.json("GET", "download", {"id": job})
        return found if found["finished_time"] > "1970-01-01T00:00:00Z" else None

    found: dict[str, Any] = eventually(ended, f"{job} has ended")
    return found


def content(scene: EtlScene, bucket: str, key: str) -> bytes:
    return scene.good("GET", f"objects/{bucket}/{key}")


@pytest.mark.parametrize("communication", ["hpush://", "hpull://"])
def test_an_object_is_transformed_as_it_comes(
    scene: EtlScene, web: str, bucket: str, communication: str
) -> None:
    etl = scene.new_etl(communication=communication)
    job = start(scene, bucket, etl, type="single", link=f"{web}/large")
    found = status(scene, job)
    assert (found["finished_cnt"], found["error_cnt"]) == (1, 0)
    assert content(scene, bucket, "large") == LARGE[::-1]


def test_arguments_and_names_reach_the_transformer(scene: EtlScene, web: str, bucket: str) -> None:
    etl = scene.new_etl()
    objects = {"a b/ü": f"{web}/0.txt"}
    job = start(scene, bucket, etl, type="multi", objects=objects, etl_args="path")
    assert status(scene, job)["finished_cnt"] == 1
    assert content(scene, bucket, "a%20b/%C3%BC").decode() == f"/{bucket}/a b/ü"


def test_what_holds_for_the_source_is_not_said_of_the_result(
    scene: EtlScene, web: str, bucket: str
) -> None:
    client = scene.server.client()
    source = web.rpartition("/")[2]
    client.put_object(Bucket=source, Key="picture", Body=b"abc", ContentType="image/png")
    job = start(scene, bucket, scene.new_etl(), type="single", link=f"{web}/picture")
    status(scene, job)
    assert client.head_object(Bucket=bucket, Key="picture")["ContentType"] != "image/png"


def test_one_that_fails_is_passed_over(scene: EtlScene, web: str, bucket: str) -> None:
    etl = scene.new_etl(command=COMMAND_ODD)
    job = start(scene, bucket, etl, type="range", template=f"{web}/{{0..2}}.txt")
    found = status(scene, job)
    assert (found["finished_cnt"], found["error_cnt"]) == (2, 1)
    (error,) = found["download_errors"]
    assert error["name"] == "1.txt"
    assert "it is odd" in error["error"]
    assert scene.send("GET", f"objects/{bucket}/1.txt").status == 404
    assert content(scene, bucket, "2.txt") == b"two"


def test_it_is_made_again_by_another_transformer(scene: EtlScene, web: str, bucket: str) -> None:
    link = f"{web}/0.txt"
    status(scene, start(scene, bucket, scene.new_etl(), type="single", link=link))
    assert content(scene, bucket, "0.txt") == b"orez"
    upper = start(scene, bucket, scene.new_etl(), type="single", link=link, etl_args="upper")
    assert status(scene, upper)["skipped_cnt"] == 0
    assert content(scene, bucket, "0.txt") == b"ZERO"
    plain = start(scene, bucket, "", type="single", link=link)
    assert status(scene, plain)["skipped_cnt"] == 0
    assert content(scene, bucket, "0.txt") == b"zero"


def test_a_transformer_that_is_not_there_is_refused(scene: EtlScene, web: str, bucket: str) -> None:
    message = {"bucket": {"name": bucket}, "type": "single", "link": f"{web}/0.txt"}
    answer = scene.send("POST", "download", {**message, "etl_name": "none-such"})
    assert answer.status == 404
    assert "none-such" in answer.message


def test_one_that_dies_is_waited_for(scene: EtlScene, web: str, bucket: str) -> None:
    etl = scene.new_etl()
    died = start(scene, bucket, etl, type="single", link=f"{web}/0.txt", etl_args="die")
    assert status(scene, died)["error_cnt"] == 1
    job = start(scene, bucket, etl, type="single", link=f"{web}/0.txt")
    assert status(scene, job)["error_cnt"] == 0
    assert content(scene, bucket, "0.txt") == b"orez"


def test_a_killed_server_goes_on(tmp_path: Path) -> None:
    """The job is there before the transformer is ready again."""
    environment = {"S3GW_OUTBOUND_ALLOW": "localhost"}
    flags = ["--etl", "--no-auth"]
    with ServerProcess(tmp_path, flags=flags, environment=environment) as server:
        scene = EtlScene(server)
        source, target = scene.new_bucket({"0": b"a", "1": b"b", "2": b"c"}), scene.new_bucket()
        etl = scene.new_etl(obj_timeout="60s")
        links = f"http://localhost:{server.port}/{source}/{{0..2}}"
        job = start(scene, target, etl, type="range", template=links, etl_args="hold")

        def held() -> int:
            found = scene.json("GET", "download", {"id": job}).get("current_tasks", ())
            return sum(each["downloaded"] == "1" for each in found)

        eventually(lambda: held() == 3, "all are in the transformer")
        server.kill9_all()
        server.start()
        eventually(lambda: scene.read(source, "0", etl).body == b"a", "it runs again")
        settings = json.loads(scene.read(source, "0", etl, "environment").body)
        with urlopen(f"http://127.0.0.1:{settings['PORT']}/release") as answer:
            answer.read()
        found = status(scene, job)
        assert (found["finished_cnt"], found["error_cnt"]) == (3, 0)
        assert [content(scene, target, key) for key in "012"] == [b"held"] * 3
