"""Nodes are members of the cluster while they run, and one of them leads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.cluster.gateways.scene import GatewayCluster, gateway_cluster
from tests.cluster.postgres import PostgresServer
from tests.server_process import ServerProcess, eventually

WITHOUT_TOKENS = {"S3GW_AUTH_ENABLED": "false"}
# A node is missing after ten seconds, and a lease lapses after fifteen.
PATIENCE_S = 120


@pytest.fixture(scope="module")
def nodes(
    server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sequence[ServerProcess]]:
    """Two nodes that answer anyone, for the tests of this module."""
    with gateway_cluster(server, tmp_path_factory.mktemp("members")) as made:
        yield started(made, "one", "other")


def started(cluster: GatewayCluster, *names: str) -> Sequence[ServerProcess]:
    found = [cluster.node(name, environment=WITHOUT_TOKENS) for name in names]
    with ThreadPoolExecutor(len(found)) as threads:
        list(threads.map(ServerProcess.start, found))
    return found


def ask(node: ServerProcess, what: str, **headers: str) -> Any:
    path = "reverse/daemon" if headers else "daemon"
    url = f"{node.endpoint}/v1/{path}?what={what}"
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    with urlopen(Request(url, headers=sent), timeout=30) as answer:
        return json.load(answer)


def flags(node: ServerProcess) -> dict[str, int]:
    """The flags of each target, by its URL."""
    targets = ask(node, "smap")["tmap"].values()
    return {each["public_net"]["direct_url"]: each["flags"] for each in targets}


def primary(node: ServerProcess) -> str:
    url: str = ask(node, "smap")["proxy_si"]["public_net"]["direct_url"]
    return url


def until_both(nodes: Sequence[ServerProcess]) -> None:
    """Wait until each of them shows both, and that one of them leads."""
    expected = {each.endpoint: 0 for each in nodes}

    def all_show_them() -> bool:
        return all(flags(node) == expected for node in nodes)

    eventually(all_show_them, "the nodes are not in the map", PATIENCE_S)


def test_both_nodes_show_one_cluster(nodes: Sequence[ServerProcess]) -> None:
    until_both(nodes)
    one, other = nodes
    eventually(lambda: ask(one, "smap") == ask(other, "smap"), "the maps differ", PATIENCE_S)
    smap = ask(one, "smap")
    for node in nodes:
        here = ask(node, "snode")
        assert here == smap["pmap"][here["daemon_id"]]
        assert here["public_net"]["direct_url"] == node.endpoint
    for target in smap["tmap"]:
        for node in nodes:
            status = ask(node, "node_status", ais_node_id=target)
            assert status["snode"]["daemon_id"] == target
            assert status["cluster"]["smap"]["uuid"] == smap["uuid"]


def test_a_node_that_stops_is_not_in_the_map_and_comes_back_under_its_ids(
    nodes: Sequence[ServerProcess],
) -> None:
    until_both(nodes)
    before = ask(nodes[0], "smap")
    leader = next(node for node in nodes if node.endpoint == primary(node))
    other = next(node for node in nodes if node is not leader)
    assert leader.stop() == 0
    eventually(lambda: flags(other) == {other.endpoint: 0}, "it is in the map still", PATIENCE_S)
    assert primary(other) == other.endpoint
    assert int(ask(other, "smap")["version"]) > int(before["version"])
    leader.start()
    until_both(nodes)
    after = ask(leader, "smap")
    assert set(after["tmap"]) == set(before["tmap"])
    assert set(after["pmap"]) == set(before["pmap"])


def test_a_node_that_dies_is_missing_and_another_one_leads(
    nodes: Sequence[ServerProcess],
) -> None:
    until_both(nodes)
    leader = next(node for node in nodes if node.endpoint == primary(node))
    other = next(node for node in nodes if node is not leader)
    leader.kill9_all()
    expected = {leader.endpoint: 4, other.endpoint: 0}
    eventually(lambda: flags(other) == expected, "the dead one is not missing", PATIENCE_S)
    eventually(lambda: primary(other) == other.endpoint, "the other does not lead", PATIENCE_S)
    leader.start()
    until_both(nodes)
