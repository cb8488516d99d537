"""The cluster, as the SDK sees it: its map, its health, what it tells of itself."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from compat.aistore_sdk.scene import errors, put, refused

enums: Any = import_module("aistore.sdk.enums")
sdk: Any = import_module("aistore.sdk")


@pytest.fixture(name="smap")
def _smap(client: Any) -> Any:
    return client.cluster().get_info()


def test_the_cluster_has_a_map(client: Any, smap: Any, endpoint: str) -> None:
    primary = smap.proxy_si.public_net.direct_url
    assert client.cluster().get_primary_url() == primary
    # Several gateways are behind one endpoint.
    assert primary == endpoint or len(smap.pmap) > 1
    assert len(smap.tmap) == len(smap.pmap)
    assert smap.version >= 1


def test_nodes_say_what_they_are(smap: Any) -> None:
    for target, gateway in zip(smap.tmap.values(), smap.pmap.values(), strict=True):
        assert (target.daemon_type, gateway.daemon_type) == ("target", "proxy")
        assert smap.tmap[target.daemon_id] is target
        assert not target.in_maint_or_decomm()


def test_the_cluster_has_an_id_that_stays(client: Any, smap: Any) -> None:
    assert client.cluster().get_uuid() == smap.uuid
    assert len(smap.uuid) >= 9


def test_every_object_has_a_target(bucket: Any, smap: Any) -> None:
    made = put(bucket, "k")
    assert smap.get_target_for_object(made.uname).daemon_id in smap.tmap
    # In a cluster it is where all machines see it, so each says that it has it.
    assert any(target in made.props.location for target in smap.tmap)


def test_the_cluster_is_ready(client: Any) -> None:
    assert client.cluster().is_ready() is True


def test_a_cluster_that_is_not_there_is_not_ready() -> None:
    retries: Any = import_module("aistore.sdk.retry_config").RetryConfig.default()
    retries.network_retry.stop = import_module("tenacity").stop_after_attempt(1)
    nobody = sdk.Client("http://127.0.0.1:9", retry_config=retries)
    assert nobody.cluster().is_ready() is False


def test_performance_is_told_by_target(client: Any, smap: Any) -> None:
    found = client.cluster().get_performance()
    assert list(found) == list(smap.tmap)
    for told in found.values():
        assert told["status"] == "online"
        assert told["snode"]["daemon_id"] in smap.tmap
        assert told["tracker"]
        assert told["capacity"]["mountpaths"]


def test_performance_counts_requests(client: Any, bucket: Any) -> None:
    put(bucket, "k").get_reader().read_all()
    for told in client.cluster().get_performance().values():
        assert all(isinstance(value, int) for value in told["tracker"].values())


def test_a_node_has_a_log(client: Any, smap: Any) -> None:
    node = next(iter(smap.tmap))
    assert client.cluster().get_node_log(node)


@pytest.mark.parametrize("severity", list(enums.LogSeverity))
def test_a_node_s_log_is_told_by_severity(client: Any, smap: Any, severity: Any) -> None:
    node = next(iter(smap.tmap))
    assert isinstance(client.cluster().get_node_log(node, severity=severity), str)


def test_a_node_s_whole_log_comes_packed(client: Any, smap: Any) -> None:
    node = next(iter(smap.tmap))
    packed = client.cluster().get_node_log_archive(node)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as archive:
        assert archive.getnames()


@pytest.mark.parametrize("role", list(enums.NodeFilter))
def test_logs_are_told_by_node(client: Any, smap: Any, role: Any) -> None:
    expected = {"target": [*smap.tmap], "proxy": [*smap.pmap], "all": [*smap.tmap, *smap.pmap]}
    assert list(client.cluster().get_cluster_logs(role=role)) == expected[role.value]


def test_a_node_that_is_none_has_no_log(client: Any) -> None:
    with pytest.raises(errors.AISError) as caught:
        client.cluster().get_node_log("no-such-node")
    assert caught.value.status_code == 404


def test_a_client_has_its_own_timeouts(connect: Callable[..., Any]) -> None:
    for timeout in (5, (1, 5), 0, None):
        assert connect(timeout=timeout).cluster().is_ready()


def test_a_client_reads_its_settings_from_the_environment(
    connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIS_CONNECT_TIMEOUT", "2")
    monkeypatch.setenv("AIS_READ_TIMEOUT", "0")
    monkeypatch.setenv("AIS_MAX_CONN_POOL", "3")
    assert connect().cluster().is_ready()


def test_a_bad_token_opens_nothing(connect: Callable[..., Any]) -> None:
    with refused(401):
        connect(token="rubbish").cluster().get_info()
