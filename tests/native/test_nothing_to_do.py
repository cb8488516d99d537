"""What has nothing to do on one node succeeds, as it does in AIStore with one node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from s3gw.native.smap import gateway_id, target_id
from tests.native.config_scene import ConfigScene
from tests.native.scene import CLUSTER, told

GATEWAY, TARGET = gateway_id(CLUSTER), target_id(CLUSTER)


class Counting(ConfigScene):
    """Its counters go on as the test says."""

    seen: Mapping[str, int] = {"get.n": 7, "err.get.n": 2}

    def counted(self) -> Mapping[str, int]:
        return self.seen


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Counting]:
    scene = Counting(tmp_path)
    yield scene
    scene.close()


def tracker(scene: ConfigScene) -> dict[str, int]:
    found: dict[str, int] = scene.json("GET", "daemon?what=node_stats")["tracker"]
    return found


@pytest.mark.parametrize("action", ["reset-stats", "clear-lcache", "reload-creds"])
@pytest.mark.parametrize("target", ["cluster", "daemon", "reverse/daemon"])
def test_it_succeeds_for_administrators(cluster: Counting, action: str, target: str) -> None:
    headers = {"ais-node-id": TARGET}
    answer = cluster.act("PUT", target, action, headers=headers)
    assert (answer.status, answer.body) == (200, b"")
    for token in ("reader", "owner"):
        answer = cluster.act("PUT", target, action, headers=headers, token=token)
        assert told(answer).status == 403


def test_counters_are_shown_since_their_reset(cluster: Counting) -> None:
    assert (tracker(cluster)["get.n"], tracker(cluster)["err.get.n"]) == (7, 2)
    assert cluster.act("PUT", "cluster", "reset-stats", True).status == 200
    assert (tracker(cluster)["get.n"], tracker(cluster)["err.get.n"]) == (7, 0)
    cluster.seen = {"get.n": 9, "err.get.n": 3}
    assert (tracker(cluster)["get.n"], tracker(cluster)["err.get.n"]) == (9, 1)
    assert cluster.act("PUT", "cluster", "reset-stats", False).status == 200
    assert (tracker(cluster)["get.n"], tracker(cluster)["err.get.n"]) == (0, 0)
    cluster.seen = {"get.n": 10, "err.get.n": 3}
    assert tracker(cluster)["get.n"] == 1
    assert tracker(cluster)["up.ns.time"] > 0


def test_the_primary_is_the_primary(cluster: Counting) -> None:
    assert cluster.send("PUT", f"cluster/proxy/{GATEWAY}").status == 200
    assert cluster.send("PUT", f"cluster/proxy/{GATEWAY}?frc=true").status == 200
    assert told(cluster.send("PUT", f"cluster/proxy/{GATEWAY}", token="owner")).status == 403


@pytest.mark.parametrize("node", [TARGET, "p12345678"])
def test_no_other_node_becomes_the_primary(cluster: Counting, node: str) -> None:
    error = told(cluster.send("PUT", f"cluster/proxy/{node}"))
    assert (error.status, error.tcode) == (404, "errNodeNotFound")
    assert f"node {node} not present in Smap" in error.message
    assert told(cluster.send("PUT", f"daemon/proxy/{node}")).status == 400
    assert told(cluster.send("PUT", f"cluster/dance/{node}")).status == 501


def test_a_node_that_is_not_in_maintenance_leaves_it(cluster: Counting) -> None:
    value = {"sid": TARGET, "skip_rebalance": False}
    assert cluster.act("PUT", "cluster", "stop-maintenance", value).status == 200
    error = told(cluster.act("PUT", "cluster", "stop-maintenance", {"sid": "t12345678"}))
    assert (error.status, error.tcode) == (404, "errNodeNotFound")
    assert told(cluster.act("PUT", "cluster", "start-maintenance", value)).status == 501
