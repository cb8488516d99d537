"""Starts of a cluster's nodes: what the first one makes, and what is refused."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cluster.gateways.scene import GatewayCluster
from tests.cluster.postgres import PostgresServer
from tests.server_process import ServerProcess, eventually

# How soon a start that cannot be ends.
_REFUSED_S = 60.0


def refusal(node: ServerProcess) -> str:
    """What a node says that cannot start."""
    node.launch()
    assert node.running.wait(_REFUSED_S) == 1
    assert "Traceback" not in node.errors
    return node.errors


def test_nodes_that_start_at_once_have_one_set_of_keys(cluster: GatewayCluster) -> None:
    nodes = [cluster.node(f"n{number}", fixed_keys=False) for number in range(3)]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(ServerProcess.start, nodes))
    keys = json.loads((cluster.shared / "credentials.json").read_text())
    nodes[0].client(keys["access_key"], keys["secret_key"]).create_bucket(Bucket="bucket")
    for node in nodes:
        listed = node.client(keys["access_key"], keys["secret_key"]).list_buckets()["Buckets"]
        assert [each["Name"] for each in listed] == ["bucket"]
    assert not (cluster.folder / "n0" / "data" / "auth.key").exists()
    assert (cluster.shared / "auth.key").stat().st_mode & 0o077 == 0


def test_a_second_node_of_the_same_name_is_refused(cluster: GatewayCluster) -> None:
    cluster.node("twin").start()
    second = ServerProcess(cluster.folder / "elsewhere", flags=cluster.node("twin").flags)
    said = refusal(second)
    assert "another server is the node twin of this cluster" in said
    assert "--cluster-node" in said


def test_a_folder_with_a_store_of_one_machine_is_refused(cluster: GatewayCluster) -> None:
    alone = ServerProcess(cluster.folder / "node")
    alone.start().stop()
    assert "s3gw cluster adopt" in refusal(cluster.node("node"))


def test_a_folder_of_the_machine_within_the_shared_one_is_refused(cluster: GatewayCluster) -> None:
    within = ServerProcess(cluster.shared / "node", flags=cluster.node("node").flags)
    within.launch()
    assert within.running.wait(_REFUSED_S) == 2
    assert "must not be within one another" in within.errors


def test_several_folders_of_the_machine_are_refused(cluster: GatewayCluster) -> None:
    data = [cluster.folder / "a", cluster.folder / "b"]
    node = ServerProcess(cluster.folder / "node", flags=cluster.node("x").flags, data=data)
    node.launch()
    assert node.running.wait(_REFUSED_S) == 2
    assert "storage.data has several folders" in node.errors


def test_a_folder_that_is_not_mounted_is_refused(cluster: GatewayCluster) -> None:
    first = cluster.node("first")
    first.start().stop()
    (cluster.shared / "folder.json").rename(cluster.folder / "folder.json")
    assert "is it mounted?" in refusal(first)


def test_a_database_of_a_newer_version_is_refused(
    cluster: GatewayCluster, server: PostgresServer
) -> None:
    node = cluster.node("node")
    node.start().stop()
    server.run("INSERT INTO s3gw.schema_steps VALUES (9999)", cluster.address.rpartition("/")[2])
    assert "update s3gw on this machine" in refusal(node)


def test_a_database_that_does_not_answer_is_said(cluster: GatewayCluster) -> None:
    nowhere = "postgresql://s3gw:very-secret@127.0.0.1:1/s3gw"
    said = refusal(cluster.node("node", address=nowhere))
    assert "Cannot use the cluster's database" in said
    assert "very-secret" not in said


def test_a_node_comes_back_with_what_it_had(cluster: GatewayCluster) -> None:
    node = cluster.node("node").start()
    node.client().create_bucket(Bucket="bucket")
    node.client().put_object(Bucket="bucket", Key="k", Body=b"kept")
    node.kill9_all()
    node.start()
    assert node.client().get_object(Bucket="bucket", Key="k")["Body"].read() == b"kept"


def test_a_worker_that_died_comes_back(cluster: GatewayCluster) -> None:
    node = cluster.node("node").start()
    client = node.client()
    client.create_bucket(Bucket="bucket")
    node.kill_child(node.worker_pids()[0])
    eventually(lambda: node.health() == 200, "the worker is back")
    client.put_object(Bucket="bucket", Key="k", Body=b"1")
    assert client.head_object(Bucket="bucket", Key="k")["ContentLength"] == 1


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--cluster", "mysql://x"], "cluster.database = *** (flag --cluster): must be a URL"),
        (["--cluster", "postgresql://x"], "name the folder that all machines mount"),
        (["--cluster-blobs", "shared:/x"], "cluster.blobs needs cluster.database"),
        (["--cluster", "postgresql://x", "--cluster-blobs", "/x"], "must be shared: and"),
    ],
)
def test_settings_that_cannot_be_are_named(
    flags: list[str], said: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = ServerProcess(tmp_path_factory.mktemp("node"), flags=flags)
    server.launch()
    assert server.running.wait(_REFUSED_S) == 2
    assert said in server.errors
