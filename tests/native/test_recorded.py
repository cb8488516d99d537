"""Documents that AIStore's Go clients decode have the shape of AIStore's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from s3gw.native.smap import gateway_id, target_id
from tests.native.config_scene import ConfigScene
from tests.native.scene import CLUSTER
from tests.native.wire import differences, recorded

GATEWAY, TARGET = gateway_id(CLUSTER), target_id(CLUSTER)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ConfigScene]:
    with ConfigScene(tmp_path) as scene:
        yield scene


# What is asked of which node, the recorded answer, and the places whose keys are data.
CAPACITY = ("capacity.mountpaths", "tracker")
OF_NODES = {
    "target_node_status": (TARGET, "node_status", CAPACITY),
    "gateway_node_status": (GATEWAY, "node_status", CAPACITY),
    "target_config": (TARGET, "config", ("fspaths",)),
    "mountpaths": (TARGET, "mountpaths", ()),
    "disk": (TARGET, "disk", ("AllDiskStats", "mountpaths")),
    "sysinfo": (TARGET, "sysinfo", ()),
    "snode": (TARGET, "snode", ()),
}
# Of encrypted traffic between nodes, and of a cluster that has more than one.
ABSENT = {"snode.verifying_key: missing", "verifying_key: missing"}


@pytest.mark.parametrize("name", OF_NODES)
def test_a_node_s_documents_have_aistore_s_shape(cluster: ConfigScene, name: str) -> None:
    node, what, maps = OF_NODES[name]
    ours = cluster.json("GET", f"reverse/daemon?what={what}", headers={"ais-node-id": node})
    assert set(differences(recorded(name), ours, maps=maps)) <= ABSENT


def test_the_cluster_s_documents_have_aistore_s_shape(cluster: ConfigScene) -> None:
    config = cluster.json("GET", "cluster?what=cluster_config")
    assert not [*differences(recorded("cluster_config"), config)]
    smap = cluster.json("GET", "daemon?what=smap")
    found = differences(recorded("smap"), smap, maps=("pmap", "tmap"))
    assert not [each for each in found if "verifying_key" not in each]


def test_counters_are_whole_numbers(cluster: ConfigScene) -> None:
    status = cluster.json("GET", "reverse/daemon?what=node_status", headers={"ais-node-id": TARGET})
    assert {type(value) for value in status["tracker"].values()} == {int}
    assert status["tracker"]["get.n"] == 7
    assert status["tracker"]["state.flags"] == status["cluster"]["flags"]


def test_a_file_system_s_id_is_one_text(cluster: ConfigScene, tmp_path: Path) -> None:
    disks = cluster.json("GET", "reverse/daemon?what=disk", headers={"ais-node-id": TARGET})
    found = disks["mountpaths"][str(tmp_path)]["fs"]["FsID"]
    low, high = found.split(",")
    assert all(-(1 << 31) <= int(half) < 1 << 31 for half in (low, high))


def test_a_gateway_has_no_mountpaths(cluster: ConfigScene) -> None:
    stats = cluster.json("GET", "cluster?what=node_stats")
    assert stats["proxy"]["capacity"]["mountpaths"] is None
    for node in (stats["proxy"], *stats["target"].values()):
        assert {type(value) for value in node["tracker"].values()} == {int}


def test_paths_of_a_node_are_a_map_by_themselves(cluster: ConfigScene, tmp_path: Path) -> None:
    node: dict[str, Any] = cluster.json("GET", "daemon?what=config")
    assert node["fspaths"] == {str(tmp_path): ""}


def test_memory_is_the_server_s_and_the_machine_s(cluster: ConfigScene) -> None:
    system = cluster.json("GET", "reverse/daemon?what=sysinfo", headers={"ais-node-id": TARGET})
    assert system["mem_used"] == system["proc"]["Mem"]["Resident"] > 0
    assert system["mem_avail"] == system["mem"]["ActualFree"]
    assert system["mem"]["Total"] == system["mem"]["Used"] + system["mem"]["Free"]
    assert system["proc"]["CPU"]["Total"] >= system["proc"]["CPU"]["User"]


def test_listings_and_summaries_have_aistore_s_shape(cluster: ConfigScene) -> None:
    bucket = cluster.new_bucket()
    for name in ("d/o0", "d/o1"):
        cluster.put(bucket, name, b"hello")
    props = "name,size,version,checksum,atime,cached,location,copies,custom,status"
    value = {"props": props, "prefix": "d/", "pagesize": 10, "uuid": ""}
    headers = {"accept": "application/json"}
    answer = cluster.act("GET", f"buckets/{bucket}", "list", value, headers=headers)
    page = json.loads(answer.body)
    assert not [*differences(recorded("list_names"), page)]
    assert {entry["version"] for entry in page["entries"]} == {"1"}


def test_no_other_cluster_has_buckets(cluster: ConfigScene) -> None:
    cluster.new_bucket()
    for namespace in ("@@%23", "@", "@@"):
        target = f"buckets?namespace={namespace}"
        assert json.loads(cluster.act("GET", target, "list").body) == []


def test_counters_have_aistore_s_kinds(cluster: ConfigScene) -> None:
    theirs, ours = recorded("metrics"), cluster.json("GET", "daemon?what=metrics")
    differing = {n: k for n, k in ours.items() if n in theirs and theirs[n] != k}
    assert differing == {}
