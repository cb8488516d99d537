"""A gateway that is cut off from the database, and one whose answers are lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.cluster.gateways.links import Link
from tests.cluster.gateways.namespace import Namespace
from tests.cluster.gateways.scene import GatewayCluster, gateway_cluster
from tests.cluster.gateways.writers import Writer, read_back
from tests.cluster.postgres import PostgresServer, postgres
from tests.server_process import ServerProcess, eventually

BUCKET = "bucket"
# How old the news of a node may be.
STALE_S = 10


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture
def cluster(server: PostgresServer, folder: Path) -> Iterator[GatewayCluster]:
    with gateway_cluster(server, folder) as made:
        yield made


def behind(link: Link, cluster: GatewayCluster) -> ServerProcess:
    """A running node that reaches the database by this link."""
    database = cluster.address.rpartition("/")[2]
    return cluster.node("behind", address=link.address(database)).start()


def test_a_gateway_that_is_cut_off_is_in_nobodys_way_and_comes_back(
    cluster: GatewayCluster, server: PostgresServer
) -> None:
    if Namespace.are_possible():
        pytest.skip("the next test does the same in a network namespace")
    link = Link(server)
    with link.running():
        survive(behind(link, cluster), cluster, link.cut, link.heal)


def test_a_gateway_in_another_part_of_the_network_is_in_nobodys_way_either(folder: Path) -> None:
    """Here the system itself drops the packets, on both sides."""
    with Namespace().running() as apart:
        listens = f"listen_addresses=127.0.0.1,{apart.database_host}"
        with postgres(listens) as server, gateway_cluster(server, folder) as cluster:
            server.admit("host all all 198.51.100.0/24 trust")
            address = cluster.address.replace("127.0.0.1", apart.database_host)
            flags = ["--host", "0.0.0.0"]
            node = cluster.node("apart", address=address, flags=flags, namespace=apart)
            survive(node.start(), cluster, apart.cut, apart.heal)


def survive(
    cut_off: ServerProcess,
    cluster: GatewayCluster,
    cut: Callable[[], None],
    heal: Callable[[], None],
) -> None:
    """Another node leads and goes on while this one is cut off, and nothing is lost."""
    other = cluster.node("other").start()
    other.client().create_bucket(Bucket=BUCKET)
    there, here = Writer(cut_off, BUCKET, "cut", 100), Writer(other, BUCKET, "other", 100)
    with there.running(), here.running():
        cut()
        here.progress()
        database = cluster.address.rpartition("/")[2]
        leads = "SELECT node FROM s3gw.leader WHERE expires > clock_timestamp()"
        eventually(
            lambda: cluster.server.run(leads, database) == "other", "the other one leads", 60
        )
        here.progress()
        heal()
        there.progress()
    assert not here.errors
    # Either it was asked again in time, or its client was told to repeat.
    assert all(is_unavailable(error) for error in there.errors)
    for node in (cut_off, other):
        read_back(node, BUCKET, here)
        read_back(node, BUCKET, there)


def test_a_gateway_without_news_does_not_say_who_may_do_what(
    cluster: GatewayCluster, server: PostgresServer
) -> None:
    link = Link(server)
    with link.running():
        node = behind(link, cluster)
        made = cluster.auth("behind", "user", "add", "ann", "--role", "Admin")
        assert made is not None
        key = cluster.auth("behind", "key", "add", "ann")
        # What it answers needs nothing but the key.
        anns = boto3.client(
            "sts",
            endpoint_url=node.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key["access_key"],
            aws_secret_access_key=key["secret_key"],
            config=Config(retries={"total_max_attempts": 1}),
        )
        anns.get_caller_identity()
        link.cut()

        def is_refused() -> bool:
            try:
                anns.get_caller_identity()
            except ClientError as error:
                return is_unavailable(error)
            return False

        eventually(is_refused, "a key that may be disabled is refused", 3 * STALE_S)
        link.heal()
        eventually(lambda: not is_refused(), "the node has news again", 60)


def test_lost_answers_cost_no_object_and_no_error(
    cluster: GatewayCluster, server: PostgresServer
) -> None:
    link = Link(server, lost=20, stopped=10)
    with link.running():
        node = behind(link, cluster)
        node.client().create_bucket(Bucket=BUCKET)
        small, large = Writer(node, BUCKET, "s", 100), Writer(node, BUCKET, "l", 100_000)
        with small.running(), large.running():
            eventually(lambda: link.proxy.answers_lost >= 10, "answers are lost", 60)
        assert link.proxy.commits_stopped
        assert not small.errors
        assert not large.errors
        read_back(cluster.node("other").start(), BUCKET, small)
        read_back(node, BUCKET, large)


def is_unavailable(error: Exception) -> bool:
    return (
        isinstance(error, ClientError)
        and error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    )
