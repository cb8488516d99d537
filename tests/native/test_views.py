"""What the cluster and its one node say of themselves, and how it is asked for."""

from __future__ import annotations

import gzip
import io
import json
import logging
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from s3gw.native.smap import gateway_id, target_id
from s3gw.telemetry.recent_log import RecentLog
from tests.native.config_scene import ConfigScene
from tests.native.scene import CLUSTER, HOST, told

GATEWAY, TARGET = gateway_id(CLUSTER), target_id(CLUSTER)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ConfigScene]:
    with ConfigScene(tmp_path) as scene:
        yield scene


def of_node(scene: ConfigScene, node: str, what: str) -> Any:
    return scene.json("GET", f"reverse/daemon?what={what}", headers={"ais-node-id": node})


@contextmanager
def logged(folder: Path, process: str, **more: int) -> Iterator[logging.Logger]:
    """A log of one process that is kept."""
    logger = logging.getLogger(f"tests.{process}")
    logger.setLevel("DEBUG")
    logger.propagate = False
    handler = RecentLog(folder, process, **more)
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)


# Which node


def test_a_node_is_asked_through_the_gateway(cluster: ConfigScene) -> None:
    assert of_node(cluster, TARGET, "snode")["daemon_id"] == TARGET
    assert of_node(cluster, TARGET, "node_status")["snode"]["daemon_id"] == TARGET
    assert of_node(cluster, GATEWAY, "node_status")["snode"]["daemon_id"] == GATEWAY
    assert cluster.json("GET", "daemon?what=node_status")["snode"]["daemon_type"] == "proxy"


def test_a_node_that_is_not_there_is_not_found(cluster: ConfigScene) -> None:
    headers = {"ais-node-id": "t12345678"}
    error = told(cluster.send("GET", "reverse/daemon?what=node_status", headers=headers))
    assert (error.status, '"t12345678" does not exist' in error.message) == (404, True)
    error = told(cluster.send("GET", "reverse/daemon?what=node_status"))
    assert (error.status, "Ais-Node-Id" in error.message) == (400, True)
    headers = {"ais-node-id": TARGET}
    error = told(cluster.send("GET", "reverse/daemon?what=weather", headers=headers))
    assert error.status == 400


@pytest.mark.parametrize("what", ["mountpaths", "disk"])
def test_a_gateway_has_no_disks(cluster: ConfigScene, what: str) -> None:
    headers = {"ais-node-id": GATEWAY}
    error = told(cluster.send("GET", f"reverse/daemon?what={what}", headers=headers))
    assert (error.status, "is a gateway" in error.message) == (400, True)


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_mountpaths_are_not_changed_from_afar(cluster: ConfigScene, method: str) -> None:
    for target in ("daemon/mountpaths", "reverse/daemon/mountpaths"):
        answer = cluster.send(method, target, headers={"ais-node-id": TARGET})
        assert (told(answer).status, "mountpaths" in told(answer).message) == (501, True)


WHATS = {
    "daemon": "smap bmd config snode node_stats node_status sysinfo metrics mountpaths disk",
    "cluster": "smap cluster_config node_stats sysinfo mountpaths remote backends",
}


@pytest.mark.parametrize(
    "target", [f"{first}?what={what}" for first, all_ in WHATS.items() for what in all_.split()]
)
def test_every_view_takes_the_right_to_see_the_cluster(cluster: ConfigScene, target: str) -> None:
    assert cluster.send("GET", target, token="reader").status == 200
    assert told(cluster.send("GET", target, token="nobody")).status == 403
    assert told(cluster.send("GET", target, token="")).status == 401


# What they say


def test_the_status_of_a_node_is_told_as_aistore_tells_it(
    cluster: ConfigScene, tmp_path: Path
) -> None:
    cluster.set("get_batch.max_wait=5s")
    status = of_node(cluster, TARGET, "node_status")
    state = status["cluster"]
    assert state["smap"]["Primary"] == {
        "pub_url": f"http://{HOST}",
        "control_url": f"http://{HOST}",
        "id": GATEWAY,
    }
    assert (state["smap"]["uuid"], state["config"]["version"]) == (CLUSTER, "2")
    assert state["bmd"]["version"] == cluster.json("GET", "daemon?what=bmd")["version"]
    assert state["flags"] == 6
    assert (status["status"], status["ais_version"]) == ("online", "5.0.0")
    assert status["smap_version"] == "1"
    assert status["tracker"]["get.n"] == 7
    assert status["tracker"]["put.n"] == 0
    assert status["tracker"]["up.ns.time"] > 0
    room = status["capacity"]["mountpaths"][str(tmp_path)]
    for number in (room["used"], room["avail"], status["capacity"]["total_used"]):
        assert isinstance(number, str)
        assert int(number) > 0
    assert 0 <= room["pct_used"] <= 100
    assert set(room["fs"]) == {"Fs", "FsType", "FsID"}
    system = status["sys_info"]
    assert system["mem_used"] > 0
    assert system["mem_avail"] > 0
    assert 0 < system["pct_mem_used"] < 100
    assert set(system["load_avg"]) == {"One", "Five", "Fifteen"}


def test_names_of_counters_have_their_kinds(cluster: ConfigScene) -> None:
    kinds = cluster.json("GET", "daemon?what=metrics")
    tracker = cluster.json("GET", "daemon?what=node_stats")["tracker"]
    assert set(kinds) == set(tracker)
    assert (kinds["get.n"], kinds["get.ns.total"], kinds["put.size"]) == (
        "counter",
        "total",
        "size",
    )


def test_mountpaths_and_disks_are_real(cluster: ConfigScene, tmp_path: Path) -> None:
    listed = cluster.json("GET", "daemon?what=mountpaths")
    assert listed == {"available": [str(tmp_path)], "waiting_dd": [], "disabled": []}
    disks = of_node(cluster, TARGET, "disk")
    assert str(tmp_path) in disks["mountpaths"]
    for rates in disks["AllDiskStats"].values():
        assert set(rates) == {"RBps", "Ravg", "WBps", "Wavg", "Util"}


def test_the_cluster_tells_of_all_its_nodes(cluster: ConfigScene, tmp_path: Path) -> None:
    stats = cluster.json("GET", "cluster?what=node_stats")
    assert stats["proxy"]["snode"]["daemon_id"] == GATEWAY
    assert stats["target"][TARGET]["capacity"]["mountpaths"]
    assert stats["proxy"]["capacity"]["mountpaths"] is None
    systems = cluster.json("GET", "cluster?what=sysinfo")
    assert int(systems["target"][TARGET]["fs_capacity"]) > 0
    assert "fs_capacity" not in systems["proxy"][GATEWAY]
    paths = cluster.json("GET", "cluster?what=mountpaths")
    assert paths["targets"][TARGET]["available"] == [str(tmp_path)]
    assert cluster.json("GET", "cluster?what=remote") == {"a": [], "ver": 0}
    assert cluster.json("GET", "cluster?what=backends") == []
    assert cluster.send("GET", "cluster?what=target_ips").body == b"127.0.0.1"


def test_the_version_is_one_that_aistores_clients_know(cluster: ConfigScene) -> None:
    assert cluster.send("GET", "daemon?what=software_version").body == b"5.0.0"


def test_a_server_without_tls_has_no_certificate(cluster: ConfigScene) -> None:
    assert told(cluster.send("GET", "daemon?what=tls_certificate")).status == 404


# Health


def test_health_tells_how_long_the_server_is_there(cluster: ConfigScene) -> None:
    for query in ("", "?readiness=true", "?prr=true"):
        answer = cluster.send("GET", f"health{query}", token="")
        assert answer.status == 200
        for name in ("ais-cluster-uptime", "ais-node-uptime"):
            assert int(answer.headers[name]) > 0


# Logs


def test_the_log_is_of_all_processes_in_their_order(cluster: ConfigScene, tmp_path: Path) -> None:
    with logged(tmp_path, "one") as one, logged(tmp_path, "two") as two:
        for number in range(3):
            one.info("first", extra={"number": number})
            two.warning("second")
        one.error("third")
    headers = {"ais-node-id": TARGET}

    def lines(query: str) -> list[dict[str, Any]]:
        answer = cluster.send("GET", f"reverse/daemon?what=log{query}", headers=headers)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/plain")
        return [json.loads(line) for line in answer.body.splitlines()]

    everything = lines("")
    assert len(everything) == 7
    assert [each["time"] for each in everything] == sorted(each["time"] for each in everything)
    assert len(lines("&severity=info")) == 7
    assert len(lines("&severity=warning")) == 4
    assert [each["event"] for each in lines("&severity=error")] == ["third"]
    assert told(cluster.send("GET", "daemon?what=log&severity=loud")).status == 400


def test_who_has_some_of_the_log_asks_for_the_rest(cluster: ConfigScene, tmp_path: Path) -> None:
    with logged(tmp_path, "one") as one:
        one.info("first")
        there = len(cluster.send("GET", "daemon?what=log").body)
        one.info("second")
    rest = cluster.send("GET", f"daemon?what=log&offset={there}").body
    assert json.loads(rest)["event"] == "second"
    assert told(cluster.send("GET", "daemon?what=log&offset=99999")).status == 400


def test_all_logs_come_as_an_archive(cluster: ConfigScene, tmp_path: Path) -> None:
    with logged(tmp_path, "one") as one, logged(tmp_path, "two") as two:
        one.info("first")
        two.error("second")
    answer = cluster.send("GET", "daemon?what=log&severity=error&all=true")
    assert answer.headers["content-type"] == "application/gzip"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(answer.body))) as archive:
        sizes = {member.name: member.size for member in archive.getmembers()}
    assert sizes["one.log"] == 0
    assert sizes["two.log"] > 0


def test_a_log_that_grows_forgets_its_beginning(cluster: ConfigScene, tmp_path: Path) -> None:
    with logged(tmp_path, "one", max_bytes=2000) as one:
        for number in range(200):
            one.info("line", extra={"number": number})
    text = cluster.send("GET", "daemon?what=log").body
    numbers = [json.loads(line)["number"] for line in text.splitlines()]
    assert numbers == list(range(numbers[0], 200))
    assert 2000 <= len(text) < 4500


def test_logs_are_begun_anew_when_asked(cluster: ConfigScene, tmp_path: Path) -> None:
    with logged(tmp_path, "one") as one:
        one.info("before")
        assert told(cluster.act("PUT", "cluster", "rotate-logs", token="owner")).status == 403
        assert cluster.act("PUT", "cluster", "rotate-logs").status == 200
        one.info("after")
    assert (tmp_path / "one.log").read_text().count("\n") == 1
    assert len(cluster.send("GET", "daemon?what=log").body.splitlines()) == 2
