"""Objects read through transformers."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path

import pytest

from tests.etl.conftest import ANSWER_LIMIT
from tests.etl.scene import Answer, EtlScene
from tests.server_process import eventually


@pytest.fixture(scope="module")
def etl(scene: EtlScene) -> str:
    return scene.new_etl(obj_timeout="20s")


@pytest.fixture(scope="module")
def bucket(scene: EtlScene) -> str:
    return scene.new_bucket({"o": b"hello", "empty": b"", "a b/ü%": b"named"})


def test_an_object_is_transformed(scene: EtlScene, etl: str, bucket: str) -> None:
    answer = scene.read(bucket, "o", etl)
    assert (answer.status, answer.body) == (200, b"olleh")
    assert scene.read(bucket, "empty", etl).body == b""
    assert scene.read(bucket, "o", etl, "upper").body == b"HELLO"


def test_what_holds_for_the_source_is_not_said_of_the_result(
    scene: EtlScene, etl: str, bucket: str
) -> None:
    headers = {name.lower() for name in scene.read(bucket, "o", etl).headers}
    assert not headers & {"etag", "ais-checksum-value", "ais-version"}


def test_a_large_object_is_transformed(scene: EtlScene, etl: str) -> None:
    body = bytes(range(256)) * (3 << 12)
    bucket = scene.new_bucket({"large": body})
    assert scene.read(bucket, "large", etl).body == body[::-1]


def test_a_range_is_of_no_effect(scene: EtlScene, etl: str, bucket: str) -> None:
    target = f"objects/{bucket}/o?etl_name={etl}"
    answer = scene.send("GET", target, headers={"Range": "bytes=0-1"})
    assert (answer.status, answer.body) == (200, b"olleh")


def test_a_transformer_is_told_the_bucket_and_the_name(
    scene: EtlScene, etl: str, bucket: str
) -> None:
    assert scene.read(bucket, "a b/ü%", etl, "path").body.decode() == f"/{bucket}/a b/ü%"


def test_transformers_form_a_pipeline(scene: EtlScene, etl: str) -> None:
    other = scene.new_etl()
    body = b"0123456789" * 200_000
    bucket = scene.new_bucket({"o": body, "s": b"hello"})
    assert scene.read(bucket, "o", etl, etl_pipeline=f"{other},{etl}").body == body[::-1]
    assert scene.read(bucket, "s", etl, etl_pipeline=other).body == b"hello"


def test_hpull_reads_the_object_at_the_server(scene: EtlScene, bucket: str) -> None:
    etl = scene.new_etl(communication="hpull://")
    assert scene.read(bucket, "o", etl).body == b"olleh"
    assert scene.read(bucket, "a b/ü%", etl, "upper").body == b"NAMED"


def test_the_secret_of_a_transformer_is_not_logged(scene: EtlScene, bucket: str) -> None:
    etl = scene.new_etl(communication="hpull://")
    scene.read(bucket, "o", etl)

    def own_request() -> str:
        lines = scene.server.output.splitlines()
        return next((line for line in lines if f"etl-objects/{etl}/" in line), "")

    line = eventually(own_request, "the transformer's own request is logged")
    assert line.partition(f"/v1/etl-objects/{etl}/")[2].startswith("REDACTED/ais")
    assert bucket in line


def test_hpull_is_sent_what_another_one_has_made(scene: EtlScene, etl: str, bucket: str) -> None:
    pulls = scene.new_etl(communication="hpull://")
    assert scene.read(bucket, "o", pulls, etl_pipeline=etl).body == b"hello"
    assert scene.read(bucket, "o", etl, etl_pipeline=pulls).body == b"hello"


def test_a_transformer_that_asks_for_a_file_gets_one(scene: EtlScene, bucket: str) -> None:
    etl = scene.new_etl(env={"ETL_DIRECT_FQN": "true"})
    large = scene.new_bucket({"large": b"0123456789" * 100_000})
    assert scene.read(large, "large", etl).body == b"9876543210" * 100_000
    file, mode = json.loads(scene.read(bucket, "a b/ü%", etl, "file").body)
    assert Path(file).name == "ü%"
    assert mode == "-rw-------"
    assert not Path(file).parent.exists()
    scene.read(bucket, "o", etl, "fail")
    # The next one gets bytes.
    assert scene.read(bucket, "o", etl, etl_pipeline=etl).body == b"hello"
    scratch = Path(file).parent.parent
    assert not list(scratch.glob("file-*"))


def test_objects_are_read_with_the_secret_of_a_transformer_that_runs(
    scene: EtlScene, bucket: str
) -> None:
    etl = scene.new_etl()
    environment = json.loads(scene.read(bucket, "o", etl, "environment").body)
    target = environment["AIS_TARGET_URL"].partition("/v1/")[2]
    uname = f"ais%2F@%23%2F{bucket}%2Fo"
    assert scene.send("GET", f"{target}/{uname}").body == b"hello"
    head = scene.send("HEAD", f"{target}/{uname}")
    assert head.status == 200
    assert head.headers["Content-Length"] == "5"
    assert scene.send("GET", f"{target}x/{uname}").status == 404
    assert scene.send("GET", f"{target}/ais%2F@%23%2Fnone%2Fo").status == 404
    scene.good("POST", f"etl/{etl}/stop")
    assert scene.send("GET", f"{target}/{uname}").status == 404


def test_the_servers_environment_is_not_the_transformers(scene: EtlScene, bucket: str) -> None:
    etl = scene.new_etl(env={"SIZE": "224"}, support_direct_put=True)
    environment = json.loads(scene.read(bucket, "o", etl, "environment").body)
    assert environment["SIZE"] == "224"
    assert environment["DIRECT_PUT"] == "true"
    assert not [name for name in environment if name.startswith("S3GW_")]
    assert Path(environment["HOME"]).is_dir()


def test_a_copy_is_transformed(scene: EtlScene, etl: str, bucket: str) -> None:
    target = scene.new_bucket()
    query = f"object_to=ais/@%23/{target}/copy&etl_name={etl}"
    scene.good("PUT", f"objects/{bucket}/o?{query}")
    assert scene.good("GET", f"objects/{target}/copy") == b"olleh"
    scene.good("PUT", f"objects/{bucket}/o?{query}&etl_pipeline={etl}")
    assert scene.good("GET", f"objects/{target}/copy") == b"hello"
    refused = scene.send("PUT", f"objects/{bucket}/o?{query}&etl_args=fail")
    assert refused.status == 422
    assert scene.good("GET", f"objects/{target}/copy") == b"hello"


def test_a_missing_object_is_not_found(scene: EtlScene, etl: str, bucket: str) -> None:
    for name in (etl, scene.new_etl(communication="hpull://")):
        answer = scene.read(bucket, "none", name)
        assert answer.status == 404
        assert f"ais://{bucket}/none" in answer.message


@pytest.mark.parametrize(
    ("args", "status", "text"),
    [
        ("fail", 422, "no such luck"),
        ("refuse", 415, "not this one"),
        ("garbage", 422, "did not answer as it should"),
        ("what", 400, "what is 'what'?"),
    ],
)
def test_a_failure_is_the_objects_alone(
    scene: EtlScene, etl: str, bucket: str, args: str, status: int, text: str
) -> None:
    answer = scene.read(bucket, "o", etl, args)
    assert answer.status == status
    assert text in answer.message
    assert answer.message.startswith("ETL error")
    assert scene.read(bucket, "o", etl).body == b"olleh"


def test_failures_are_listed(scene: EtlScene, bucket: str) -> None:
    etl = scene.new_etl()
    scene.read(bucket, "o", etl, "fail")
    scene.read(bucket, "o", etl)

    def shown() -> list[dict[str, object]]:
        errors: list[dict[str, object]] = scene.json("GET", f"etl/{etl}")["obj_errors"]
        return errors

    (error,) = eventually(shown, "errors are saved")
    assert error["obj_name"] == f"ais://{bucket}/o"
    assert error["ecode"] == 422
    assert "no such luck" in str(error["msg"])

    def row() -> dict[str, int]:
        return next(e for e in scene.json("GET", "etl") if e["id"] == etl)

    eventually(lambda: row()["obj_count"] == 1, "counts are saved")
    assert (row()["in_bytes"], row()["out_bytes"]) == (5, 5)


def test_a_transformer_that_makes_too_little_cuts_the_answer(
    scene: EtlScene, etl: str, bucket: str
) -> None:
    with pytest.raises(http.client.IncompleteRead):
        scene.read(bucket, "o", etl, "too little")


def test_a_transformer_that_makes_too_much_is_cut(scene: EtlScene, etl: str, bucket: str) -> None:
    with pytest.raises(http.client.IncompleteRead) as caught:
        scene.read(bucket, "o", etl, "too much")
    assert len(caught.value.partial) <= ANSWER_LIMIT
    assert scene.read(bucket, "o", etl).body == b"olleh"


def test_a_hanging_transformer_is_given_up(scene: EtlScene, bucket: str) -> None:
    etl = scene.new_etl(obj_timeout="200ms")
    answer = scene.read(bucket, "o", etl, "hang")
    assert answer.status == 422
    assert "obj_timeout" in answer.message
    assert scene.read(bucket, "o", etl).body == b"olleh"


def test_one_that_dies_is_started_again(scene: EtlScene, bucket: str) -> None:
    etl = scene.new_etl()
    answer = scene.read(bucket, "o", etl, "die")
    assert answer.status == 422
    assert "ended while it transformed" in answer.message

    def again() -> bool:
        answer = scene.read(bucket, "o", etl)
        assert answer.status in (200, 503), answer.body
        assert answer.status == 200 or answer.headers["Retry-After"] == "1"
        return answer.body == b"olleh"

    eventually(again, "the transformer is started again")
    assert scene.stage(etl) == "Running"


def test_a_busy_transformer_refuses_what_would_wait_too_long(scene: EtlScene, bucket: str) -> None:
    etl = scene.new_etl(obj_timeout="60s")
    environment = json.loads(scene.read(bucket, "o", etl, "environment").body)
    answers: list[Answer] = []
    refused = threading.Event()

    def read() -> None:
        answer = scene.read(bucket, "o", etl, "hold")
        answers.append(answer)
        if answer.status != 200:
            refused.set()

    readers = [threading.Thread(target=read) for _ in range(3)]
    for each in readers:
        each.start()
    # One is in it, one waits: the third one is refused, whichever it is.
    assert refused.wait(30)
    connection = http.client.HTTPConnection("127.0.0.1", int(environment["PORT"]))
    connection.request("GET", "/release")
    connection.getresponse().read()
    connection.close()
    for each in readers:
        each.join()
    assert sorted(answer.status for answer in answers) == [200, 200, 503]
    (busy,) = [answer for answer in answers if answer.status == 503]
    assert "is busy" in busy.message
    assert busy.headers["Retry-After"] == "1"
