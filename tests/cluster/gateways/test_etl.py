"""Transformers of two gateways: each machine runs its own, and either takes orders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cluster.gateways.scene import gateway_cluster
from tests.cluster.postgres import PostgresServer
from tests.etl.scene import EtlScene
from tests.server_process import ServerProcess, eventually

OBJECTS = {f"n/{number}": f"{number} bottles".encode() for number in range(10)}


@pytest.fixture(scope="module")
def scenes(
    server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[EtlScene, EtlScene]]:
    """Two gateways of one cluster."""
    with gateway_cluster(server, tmp_path_factory.mktemp("etl")) as made:
        nodes = [made.node(name, flags=["--etl", "--no-auth"]) for name in ("one", "other")]
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(ServerProcess.start, nodes))
        yield EtlScene(nodes[0]), EtlScene(nodes[1])


@pytest.fixture(scope="module")
def bucket(scenes: tuple[EtlScene, EtlScene]) -> str:
    return scenes[0].new_bucket(OBJECTS)


@pytest.mark.parametrize("communication", ["hpush://", "hpull://"])
def test_an_object_is_transformed_at_either(
    scenes: tuple[EtlScene, EtlScene], bucket: str, communication: str
) -> None:
    etl = scenes[0].new_etl(communication=communication)
    for scene in scenes:
        assert scene.read(bucket, "n/1", etl).body == b"selttob 1"


def test_each_has_its_own(scenes: tuple[EtlScene, EtlScene], bucket: str) -> None:
    etl = scenes[1].new_etl()
    found = [json.loads(each.read(bucket, "n/1", etl, "environment").body) for each in scenes]
    assert found[0]["PORT"] != found[1]["PORT"]
    assert found[0]["HOME"] != found[1]["HOME"]
    for scene, environment in zip(scenes, found, strict=True):
        assert f":{scene.server.port}/" in environment["AIS_TARGET_URL"]
    details = scenes[0].json("GET", "etl")
    assert next(each for each in details if each["id"] == etl)["stage"] == "Running"


def test_either_stops_and_starts_it(scenes: tuple[EtlScene, EtlScene], bucket: str) -> None:
    one, other = scenes
    etl = one.new_etl()

    def status(scene: EtlScene) -> int:
        return scene.read(bucket, "n/1", etl).status

    other.good("POST", f"etl/{etl}/stop")
    eventually(lambda: all(status(each) == 404 for each in scenes), "it is stopped at both")
    other.good("POST", f"etl/{etl}/start")
    for scene in scenes:
        assert scene.read(bucket, "n/1", etl).body == b"selttob 1"
    one.good("POST", f"etl/{etl}/stop")
    one.good("DELETE", f"etl/{etl}")
    eventually(lambda: other.send("GET", f"etl/{etl}").status == 404, "it is forgotten")


def test_a_bucket_is_transformed_by_an_order_to_either(
    scenes: tuple[EtlScene, EtlScene], bucket: str
) -> None:
    etl = scenes[0].new_etl()
    for number, scene in enumerate(scenes):
        target = f"made-{number}"
        query = f"bck_to=ais/@%23/{target}/"
        message = {"action": "etl-bck", "value": {"id": etl}}
        job = scene.good("POST", f"buckets/{bucket}?{query}", message).decode()
        assert not scene.wait(job)["aborted"]
        for name, body in OBJECTS.items():
            assert scene.good("GET", f"objects/{target}/{name}") == body[::-1]
