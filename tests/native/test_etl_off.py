"""Transformers of a server that has them turned off, and of callers who may not start them."""

from __future__ import annotations

import pytest

from tests.native.scene import Scene, told

MESSAGE = {"name": "reverse", "runtime": {"command": ["/bin/true"]}}
REQUESTS = [
    ("PUT", "etl"),
    ("GET", "etl"),
    ("GET", "etl/reverse"),
    ("POST", "etl/reverse/start"),
    ("POST", "etl/reverse/stop"),
    ("DELETE", "etl/reverse"),
    ("GET", "etl/reverse/logs"),
]


@pytest.mark.parametrize(("method", "target"), REQUESTS)
def test_the_refusal_says_how_to_turn_it_on(scene: Scene, method: str, target: str) -> None:
    error = told(scene.send(method, target, MESSAGE))
    assert (error.status, error.tcode) == (501, "ErrUnsupp")
    assert "etl job" in error.message
    assert "--etl" in error.message


@pytest.mark.parametrize(("method", "target"), REQUESTS)
def test_only_administrators_are_listened_to(scene: Scene, method: str, target: str) -> None:
    for token in ("owner", "writer", "nobody"):
        error = told(scene.send(method, target, MESSAGE, token=token))
        assert error.status == 403


def test_nobody_reads_for_a_transformer_that_cannot_be(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    target = f"etl-objects/reverse/secret/ais%2F@%23%2F{bucket}%2Fk"
    assert scene.send("GET", target, token="").status == 501
