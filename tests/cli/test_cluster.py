from __future__ import annotations

import pytest

from tests.cli.conftest import CommandLine
from tests.server_process import ServerProcess


def test_the_cluster_is_one_gateway_and_one_target(cli: CommandLine, server: ServerProcess) -> None:
    told = cli.json("cluster", "show")
    assert told["version"]
    assert sorted(node["role"] for node in told["nodes"]) == ["proxy", "target"]
    assert {node["url"] for node in told["nodes"]} == {server.endpoint}
    shown = cli.good("cluster", "show").out
    assert "gateways  1\ntargets   1\n" in shown
    assert "gateway (primary)" in shown


def test_the_maps_are_printed(cli: CommandLine, bucket: str) -> None:
    smap = cli.json("cluster", "smap")
    assert set(smap) >= {"tmap", "pmap", "proxy_si", "version"}
    assert smap["uuid"] in cli.good("cluster", "smap").out
    assert bucket in cli.json("cluster", "bmd")["providers"]["ais"]["@#"]
    rows = [row.split() for row in cli.good("cluster", "bmd").out.splitlines()]
    assert ["ais", "-", bucket] in [row[:3] for row in rows]


def test_health_needs_no_token(
    cli: CommandLine, server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIS_AUTHN_TOKEN")
    told = cli.json("cluster", "health")
    assert (told["endpoint"], told["healthy"]) == (server.endpoint, True)
    cli.good("cluster", "health", "--readiness")
    assert cli("cluster", "health", "--endpoint", "127.0.0.1:1").code == 1


def test_the_clusters_configuration_is_shown_by_section(cli: CommandLine) -> None:
    assert cli.json("config", "cluster")["auth"]["enabled"] is True
    assert cli.json("config", "cluster", "auth.enabled") == {"auth.enabled": True}
    assert "checksum.type" in cli.good("config", "cluster", "checksum").out
    assert "no property or section" in cli.refused("config", "cluster", "nonsense", code=2)


def test_a_setting_that_is_none_is_refused(cli: CommandLine) -> None:
    cli.refused("config", "set", "nonsense.at.all=1")
    assert "given twice" in cli.refused("config", "set", "a=1", "a=2", code=2)


def test_a_node_that_is_not_there_is_told_with_those_that_are(cli: CommandLine) -> None:
    said = cli.refused("cluster", "log", "nobody", code=2)
    assert cli.json("cluster", "smap")["proxy_si"]["daemon_id"] in said
