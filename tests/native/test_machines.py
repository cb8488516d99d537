"""Several machines are one cluster, whichever of them is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.native.machine_scene import MachineScene, machines
from tests.native.scene import CLUSTER, told


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[MachineScene]]:
    with machines(tmp_path, "a", "b", "c") as made:
        yield made


def smap_of(machine: MachineScene) -> dict[str, Any]:
    found: dict[str, Any] = machine.json("GET", "daemon?what=smap")
    return found


def of_node(machine: MachineScene, node: str, what: str, **more: Any) -> Any:
    headers = {"ais-node-id": node}
    return machine.json("GET", f"reverse/daemon?what={what}", headers=headers, **more)


# The map


def test_every_machine_shows_the_same_map(cluster: list[MachineScene]) -> None:
    a, b, c = cluster
    smap = smap_of(a)
    assert smap == smap_of(b) == smap_of(c) == c.json("GET", "cluster?what=smap")
    assert set(smap["pmap"]) == {a.gateway, b.gateway, c.gateway}
    assert set(smap["tmap"]) == {a.target, b.target, c.target}
    assert (smap["uuid"], smap["proxy_si"]["daemon_id"]) == (CLUSTER, a.gateway)
    for machine in cluster:
        for node in (smap["pmap"][machine.gateway], smap["tmap"][machine.target]):
            assert node["public_net"]["direct_url"] == machine.url
            assert node["flags"] == 0


def test_the_version_rises_with_each_change(cluster: list[MachineScene]) -> None:
    a, b, c = cluster
    before = int(smap_of(c)["version"])
    a.server.run(a.members.lead("b"))
    smap = smap_of(c)
    assert smap["proxy_si"]["daemon_id"] == b.gateway
    assert int(smap["version"]) == before + 1
    a.server.run(a.members.mark(missing=frozenset({"b"})))
    smap = smap_of(c)
    assert (smap["tmap"][b.target]["flags"], smap["pmap"][b.gateway]["flags"]) == (4, 4)
    assert int(smap["version"]) == before + 2
    a.server.run(a.members.withdraw("b"))
    assert set(smap_of(c)["tmap"]) == {a.target, c.target}
    assert smap_of(c)["proxy_si"]["daemon_id"] == a.gateway
    assert int(smap_of(a)["version"]) == before + 3


def test_a_machine_that_was_taken_out_still_knows_itself(cluster: list[MachineScene]) -> None:
    a, b, _ = cluster
    a.server.run(a.members.withdraw("b"))
    assert b.target in smap_of(b)["tmap"]
    assert b.json("GET", "daemon?what=snode")["daemon_id"] == b.gateway


def test_a_machine_answers_as_itself_and_knows_the_primary(cluster: list[MachineScene]) -> None:
    a, b, _ = cluster
    assert b.json("GET", "daemon?what=snode")["daemon_id"] == b.gateway
    status = b.json("GET", "daemon?what=node_status")
    primary = {"pub_url": a.url, "control_url": a.url, "id": a.gateway}
    assert status["cluster"]["smap"]["Primary"] == primary
    assert status["smap_version"] == smap_of(b)["version"]
    error = told(b.send("GET", "reverse/daemon?what=snode", headers={"ais-node-id": "t1"}))
    assert error.status == 404


# One node of another machine


def test_a_node_of_another_machine_is_asked_through_any_gateway(
    cluster: list[MachineScene],
) -> None:
    a, _, c = cluster
    for node in (c.gateway, c.target):
        assert of_node(a, node, "snode")["daemon_id"] == node
        assert of_node(a, node, "node_status")["snode"]["daemon_id"] == node
    there = str(c.folder)
    assert of_node(a, c.target, "mountpaths")["available"] == [there]
    assert set(of_node(a, c.target, "node_status")["capacity"]["mountpaths"]) == {there}


def test_the_other_machine_decides_about_the_callers_rights(cluster: list[MachineScene]) -> None:
    a, _, c = cluster
    assert of_node(a, c.target, "snode", token="reader")["daemon_id"] == c.target
    headers = {"ais-node-id": c.target}
    target = "reverse/daemon?what=snode"
    assert told(a.send("GET", target, headers=headers, token="nobody")).status == 403
    assert told(a.send("GET", target, headers=headers, token="")).status == 401
    error = told(a.send("GET", "reverse/daemon?what=weather", headers=headers))
    assert error.status == 400
    headers = {"ais-node-id": c.gateway}
    error = told(a.send("GET", "reverse/daemon?what=disk", headers=headers))
    assert (error.status, c.gateway in error.message) == (400, True)


def test_what_changes_a_node_of_another_machine_is_done_there(
    cluster: list[MachineScene],
) -> None:
    a, _, c = cluster
    headers = {"ais-node-id": c.target}
    assert a.act("PUT", "reverse/daemon", "reset-stats", False, headers=headers).status == 200
    assert of_node(a, c.target, "node_stats")["tracker"]["get.n"] == 0
    assert of_node(a, a.target, "node_stats")["tracker"]["get.n"] == 7
    error = told(a.act("PUT", "reverse/daemon", "dance", headers=headers))
    assert (error.status, "dance" in error.message) == (400, True)


def test_a_machine_that_is_missing_is_not_asked(cluster: list[MachineScene]) -> None:
    a, _, c = cluster
    c.stop()
    headers = {"ais-node-id": c.target}
    error = told(a.send("GET", "reverse/daemon?what=node_status", headers=headers))
    assert (error.status, f"{c.url} does not answer" in error.message) == (502, True)
    a.server.run(a.members.mark(missing=frozenset({"c"})))
    error = told(a.send("GET", "reverse/daemon?what=node_status", headers=headers))
    assert (error.status, error.tcode) == (404, "errNodeNotFound")
    assert "is missing" in error.message


def test_a_request_is_sent_on_once(cluster: list[MachineScene]) -> None:
    """Machines whose maps differ would send it round and round."""
    a, b, c = cluster
    headers = {"ais-node-id": c.target, "ais-caller-id": b.gateway}
    answer = a.send("GET", "reverse/daemon?what=snode", headers=headers)
    assert (told(answer).status, answer.headers["retry-after"]) == (503, "1")


# All machines


def test_what_is_about_all_nodes_has_those_of_all_machines(cluster: list[MachineScene]) -> None:
    a, b, c = cluster
    targets = {a.target, b.target, c.target}
    stats = b.json("GET", "cluster?what=node_stats")
    assert set(stats["target"]) == targets
    assert stats["target"][c.target]["snode"]["daemon_id"] == c.target
    assert stats["proxy"]["snode"]["daemon_id"] == b.gateway
    systems = b.json("GET", "cluster?what=sysinfo")
    assert set(systems["target"]) == targets
    assert set(systems["proxy"]) == {a.gateway, b.gateway, c.gateway}
    paths = b.json("GET", "cluster?what=mountpaths")["targets"]
    assert {node: said["available"] for node, said in paths.items()} == {
        each.target: [str(each.folder)] for each in cluster
    }


def test_machines_that_are_missing_are_left_out_and_others_are_an_error(
    cluster: list[MachineScene],
) -> None:
    a, b, c = cluster
    c.stop()
    error = told(a.send("GET", "cluster?what=node_stats"))
    assert (error.status, f"{c.url} does not answer" in error.message) == (502, True)
    a.server.run(a.members.mark(missing=frozenset({"c"})))
    assert set(a.json("GET", "cluster?what=node_stats")["target"]) == {a.target, b.target}


def test_counters_are_reset_and_logs_begun_anew_on_all_machines(
    cluster: list[MachineScene],
) -> None:
    a, b, c = cluster
    logs = [each.folder / "one.log" for each in cluster]
    for log in logs:
        log.write_bytes(b'{"event": "x"}\n')
    assert a.act("PUT", "cluster", "reset-stats", False).status == 200
    assert a.act("PUT", "cluster", "rotate-logs").status == 200
    for each in (a, b, c):
        assert of_node(a, each.target, "node_stats")["tracker"]["get.n"] == 0
        assert of_node(a, each.target, "log") is None


def test_the_primary_is_not_chosen_by_hand(cluster: list[MachineScene]) -> None:
    a, b, _ = cluster
    assert b.send("PUT", f"cluster/proxy/{a.gateway}").status == 200
    error = told(b.send("PUT", f"cluster/proxy/{b.gateway}"))
    assert (error.status, error.tcode) == (501, "ErrUnsupp")
    version = smap_of(a)["version"]
    error = told(b.send("PUT", "cluster/proxy/p12345678"))
    assert (error.status, f"Smap v{version}" in error.message) == (404, True)


# Jobs


def test_jobs_are_shown_under_the_target_of_the_leader(cluster: list[MachineScene]) -> None:
    a, b, _ = cluster
    for machine in (a, b):
        assert machine.json("GET", "cluster?what=qryxstats", {"kind": "lru"}) == {a.target: []}


def test_files_are_promoted_where_they_are(cluster: list[MachineScene]) -> None:
    a, b, _ = cluster
    bucket = a.new_bucket()
    answer = a.act("POST", f"objects/{bucket}", "promote", {"tid": b.target, "src": "/x"})
    assert (told(answer).status, b.url in told(answer).message) == (400, True)
    answer = a.act("POST", f"objects/{bucket}", "promote", {"tid": "t1", "src": "/x"})
    assert 'there is no target "t1"' in told(answer).message
