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
    assert cli("cluster", "health", "--all").code == 1
    assert cli("cluster", "health", "--endpoint", "127.0.0.1:1").code == 1


def test_health_is_checked_on_each_machine(cli: CommandLine, server: ServerProcess) -> None:
    expected = [{"endpoint": server.endpoint, "healthy": True, "problem": ""}]
    assert cli.json("cluster", "health", "--all") == {"machines": expected}
    rows = [row.split() for row in cli.good("cluster", "health", "--all").out.splitlines()]
    assert rows == [["MACHINE", "HEALTH"], [server.endpoint, "good"]]


def test_the_clusters_configuration_is_shown_by_section(cli: CommandLine) -> None:
    assert cli.json("config", "cluster")["auth"]["enabled"] is True
    assert cli.json("config", "cluster", "auth.enabled") == {"auth.enabled": True}
    assert "checksum.type" in cli.good("config", "cluster", "checksum").out
    assert "is not a property or section" in cli.refused("config", "cluster", "nonsense", code=2)


def test_the_configuration_is_set_and_set_back(cli: CommandLine) -> None:
    try:
        set_them = ("config", "set", "get_batch.max_soft_errs=7", "get_batch.max_wait=9s")
        assert cli.json(*set_them)["get_batch.max_soft_errs"] == 7
        shown = cli.good("config", "set", "get_batch.max_soft_errs=8", "--transient").out
        assert shown == "get_batch.max_soft_errs = 8\n"
        assert cli.json("config", "cluster", "get_batch.max_wait") == {"get_batch.max_wait": "9s"}
    finally:
        assert cli.json("config", "reset") == {"reset": True}
    assert cli.json("config", "cluster")["get_batch"]["max_soft_errs"] != 7


def test_a_setting_that_is_none_is_refused(cli: CommandLine) -> None:
    assert "get_batch.max_wait" in cli.refused("config", "set", "get_batch.max_wait=soon")
    cli.refused("config", "set", "nonsense.at.all=1")
    assert "given twice" in cli.refused("config", "set", "a=1", "a=2", code=2)


def test_nodes_tell_how_full_and_how_busy_they_are(cli: CommandLine, bucket: str) -> None:
    target = next(n for n in cli.json("cluster", "show")["nodes"] if n["role"] == "target")
    assert target["status"]["status"] == "online"
    row = next(r for r in cli.good("cluster", "show").out.splitlines() if target["id"] in r)
    assert "%" in row
    cli.good("object", "put", "-", f"{bucket}/a", stdin=b"x")
    counted = cli.json("cluster", "performance", "--filter", "put")["nodes"][target["id"]]
    assert counted["put.n"] >= 1
    assert "get.n" not in counted
    lines = cli.good("cluster", "performance", "--filter", "put.n").out.splitlines()
    assert lines[0].split() == ["NODE", "COUNTER", "VALUE"]
    quiet = cli.good("cluster", "performance", "--interval", "0.01", "--filter", "err.ren.n").out
    assert quiet == "Nothing happened.\n"


def test_the_log_of_a_node_is_printed(cli: CommandLine) -> None:
    told = cli.json("cluster", "log")
    assert told["node"] == cli.json("cluster", "smap")["proxy_si"]["daemon_id"]
    assert any("process began" in line for line in told["lines"])
    assert "process began" not in cli.good("cluster", "log", "--severity", "error").out


def test_a_node_that_is_not_there_is_told_with_those_that_are(cli: CommandLine) -> None:
    said = cli.refused("cluster", "log", "nobody", code=2)
    assert cli.json("cluster", "smap")["proxy_si"]["daemon_id"] in said
