"""Objects through a transformer that is spoken to by a WebSocket."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.etl.scene import EtlScene

COMMAND = (sys.executable, str(Path(__file__).with_name("websocket_transformer.py")))
# More than may be in memory with many others.
LARGE = b"x" * (9 << 20)


@pytest.fixture(scope="module")
def bucket(scene: EtlScene) -> str:
    return scene.new_bucket({"o": b"hello", "empty": b"", "large": LARGE})


@pytest.fixture(scope="module")
def etl(scene: EtlScene) -> str:
    return scene.new_etl(communication="ws://", command=COMMAND)


@pytest.mark.parametrize(
    ("name", "args", "made"),
    [("o", "", b"olleh"), ("empty", "", b""), ("large", "size", str(len(LARGE)).encode())],
)
def test_an_object_is_one_message(
    scene: EtlScene, etl: str, bucket: str, name: str, args: str, made: bytes
) -> None:
    for _ in range(2):
        answer = scene.read(bucket, name, etl, args)
        assert (answer.status, answer.body) == (200, made)


def test_its_path_is_told(scene: EtlScene, etl: str, bucket: str) -> None:
    assert scene.read(bucket, "o", etl, "path").body.decode() == f"{bucket}/o"


@pytest.mark.parametrize("args", ["refuse", "leave"])
def test_an_object_fails_alone(scene: EtlScene, etl: str, bucket: str, args: str) -> None:
    refused = scene.read(bucket, "o", etl, args)
    assert refused.status == 422
    assert ("no such picture" in refused.message) == (args == "refuse")
    assert scene.read(bucket, "o", etl).body == b"olleh"


def test_large_objects_take_turns(scene: EtlScene, bucket: str) -> None:
    etl = scene.new_etl(communication="ws://", command=COMMAND)
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: scene.read(bucket, "large", etl, "size"), range(6)))
    assert [answer.body for answer in answers] == [str(len(LARGE)).encode()] * 6


def test_what_is_too_large_for_a_message_is_refused(scene: EtlScene, etl: str) -> None:
    bucket = scene.new_bucket({"long": b"x" * (9 << 20)})
    # The result would be longer than etl.answer_limit.
    assert scene.read(bucket, "long", etl).status == 422
