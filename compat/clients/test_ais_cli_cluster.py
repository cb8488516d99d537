"""AIStore's command line: the cluster, its configuration and jobs, and users."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.clients.ais_cli import Ais, column, new_bucket
from compat.clients.client import Failed
from compat.clients.target import endpoint, new_name

ais = Ais()
# How often a job is looked at, each time by a process of its own, until it has ended.
TURNS = 100


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with new_bucket(ais) as name:
        yield name


@pytest.fixture(scope="module", name="target")
def _target() -> str:
    """The target's id."""
    smap = json.loads(ais("show", "cluster", "smap", "--json"))
    (target,) = smap["tmap"]
    return str(target)


@pytest.fixture
def configured() -> Iterator[None]:
    yield
    ais("config", "reset", "cluster")


def settings(*words: str) -> dict[str, str]:
    shown = ais.table("show", "config", *words)
    return {row[0]: row[1] if len(row) > 1 else "" for row in shown[1:]}


# State


def test_the_cluster_is_shown_without_a_warning(target: str) -> None:
    printed = ais("show", "cluster")
    assert f"t[{target}]" in printed
    assert re.search(r"Software:\s+5\.0", printed)
    assert "arning" not in printed
    assert "may not be fully compatible" not in printed


@pytest.mark.parametrize(
    "part", ["target", "proxy", "smap", "bmd", "config", "stats", "memory", "cpu"]
)
@pytest.mark.usefixtures("bucket")
def test_each_part_of_the_cluster_is_shown(part: str) -> None:
    assert len(ais.table("show", "cluster", part)) > 1


def test_the_dashboard_is_shown() -> None:
    printed = ais("show", "dashboard")
    for words in (r"Proxies:\s+1", r"Targets:\s+1", r"Storage:\s+1 mountpaths", "Operational"):
        assert re.search(words, printed)


def test_counters_move(bucket: str, tmp_path: Path, target: str) -> None:
    (tmp_path / "k").write_bytes(b"12345")
    ais("put", tmp_path / "k", f"{bucket}/k")
    ais("object", "cat", f"{bucket}/k")
    found = ais.table("show", "performance", "counters")
    (head,) = [row for row in found if row[0] == "TARGET"]
    (row,) = [row for row in found if row[0] == f"t[{target}]"]
    counted = dict(zip(head, row, strict=False))
    assert int(counted["GET(n)"]) > 0
    assert int(counted["PUT(n)"]) > 0


@pytest.mark.parametrize("part", ["throughput", "latency", "capacity", "disk"])
def test_performance_is_shown(part: str, target: str) -> None:
    assert f"t[{target}]" in ais("show", "performance", part)


def test_disks_and_mountpaths_are_shown(target: str) -> None:
    assert f"t[{target}]" in column(ais.table("show", "storage"), "TARGET")
    assert f"t[{target}]" in column(ais.table("storage", "disk"), "TARGET")
    assert target in ais("storage", "mountpath")
    assert ais("advanced", "random-node").strip() == target


def test_no_remote_cluster_is_attached() -> None:
    assert len(ais.table("show", "remote-cluster")) == 1


def test_the_log_is_shown(target: str) -> None:
    assert ais("show", "log", target).strip()


def test_what_has_nothing_to_do_on_one_node_succeeds(bucket: str) -> None:
    smap = json.loads(ais("show", "cluster", "smap", "--json"))
    ais("cluster", "set-primary", smap["proxy_si"]["daemon_id"])
    ais("start", "mirror", bucket, "--copies", "1")
    ais("cluster", "reset-stats")
    ais("advanced", "rotate-logs")


# Configuration


@pytest.mark.usefixtures("configured")
def test_the_clusters_configuration_is_changed_and_shown() -> None:
    assert settings("cluster", "checksum")["checksum.type"] == "xxhash2"
    assert "Cluster config updated" in ais("config", "cluster", "checksum.type=md5")
    assert settings("cluster", "checksum.type") == {"checksum.type": "md5"}
    assert json.loads(ais("show", "config", "cluster", "--json"))["checksum"]["type"] == "md5"
    name = f"ais://{new_name('cli')}"
    ais("create", name)
    assert ["checksum.type", "md5"] in ais.table("bucket", "props", "show", name)
    ais("rmb", name, "-y")


@pytest.mark.usefixtures("configured")
def test_a_transient_change_is_in_force() -> None:
    ais("config", "cluster", "log.level=4", "--transient")
    assert settings("cluster", "log.level") == {"log.level": "4"}


def test_what_cannot_be_changed_is_refused_by_its_name() -> None:
    with pytest.raises(Failed, match="nosuch"):
        ais("config", "cluster", "nosuch.key=1")
    with pytest.raises(Failed, match=r"net\.http"):
        ais("config", "cluster", "net.http.idle_conns=7")


def test_features_are_shown_and_setting_them_is_no_error() -> None:
    before = ais("config", "cluster", "features")
    assert re.search(r"features\s+S3-API-via-Root", before)
    ais("config", "cluster", "features", "S3-API-via-Root")
    assert ais("config", "cluster", "features") == before


@pytest.mark.usefixtures("configured")
def test_a_nodes_configuration_is_shown_and_changed(target: str) -> None:
    inherited = ais.table("config", "node", target, "inherited", "log")
    assert ["log.level", "3", "-"] in inherited or ["log.level", "3"] in inherited
    local = json.loads(ais("config", "node", target, "local", "--json"))
    assert len(local["fspaths"]) == 1
    assert settings(target, "all")
    with pytest.raises(Failed, match="can only be globally updated"):
        ais("config", "node", target, "checksum.type=md5")


# Jobs


def test_jobs_are_shown_and_waited_for(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "k").write_bytes(b"x")
    ais("put", tmp_path / "k", f"{bucket}/k")
    ais("cp", bucket, f"{bucket}-copy", "--wait")
    printed = ais("show", "job", "--all")
    assert "copy-bck" in printed
    assert f"{bucket}-copy" in printed
    ais("rmb", f"{bucket}-copy", "-y")
    assert "copy-bck" in ais("show", "job", "copy-bck", "--all")
    # With no words: what runs, and downloads and dsorts, of which there are none.
    ais("show", "job")


def test_an_idle_job_is_stopped(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "k").write_bytes(b"x")
    ais("put", tmp_path / "k", f"{bucket}/k")
    ais("cp", bucket, f"{bucket}-copy", "--list", "k", "--wait")
    idle = [row for row in ais.table("show", "job", "copy-listrange") if row[-1] == "Idle"]
    job = next(row[1] for row in idle if f"{bucket}-copy" in row)
    assert ais("stop", job).strip() == f"Stopped [{job}]"
    # Whoever runs jobs is told, and does so in its next turn.
    assert any("Aborted by user" in ais("show", "job", job) for _ in range(TURNS))
    ais("rmb", f"{bucket}-copy", "-y")


def test_downloads_are_shown_and_removed(bucket: str) -> None:
    # The server reads from no private address, so each of them fails, and says why.
    source = "http://10.0.0.1/{0..2}.tar"
    said = ais("start", "download", source, f"{bucket}/raw", "--desc", bucket, "--wait")
    job = re.search(r"dnl-\w+", said)
    assert job is not None
    assert "errors: 3" in ais("show", "job", "download", job[0])
    assert "outbound.allow" in ais("show", "job", "download", job[0], "-v")
    assert job[0] in ais("show", "job", "download", "--regex", bucket, "--all")
    ais("job", "rm", "download", job[0])
    assert job[0] not in ais("show", "job", "download", "--regex", bucket, "--all")


# Users


def test_users_log_in_and_have_the_rights_of_their_roles(bucket: str, tmp_path: Path) -> None:
    password, user, role, cluster = "a long password", new_name("u"), new_name("r"), new_name("c")
    ais("auth", "add", "cluster", cluster, endpoint())
    ais("auth", "add", "role", role, "ro", "LIST-BUCKETS", "--cluster", cluster)
    ais("auth", "add", "user", user, role, "-p", password)
    assert user in ais("auth", "show", "user")
    assert role in ais("auth", "show", "role")
    assert cluster in ais("auth", "show", "cluster")
    assert role in ais("auth", "show", "user", user)
    with pytest.raises(Failed):
        ais("auth", "login", user, "-p", "another password", "-f", tmp_path / "token")
    ais("auth", "login", user, "-p", password, "-f", tmp_path / "token")
    as_user = Ais({"AIS_AUTHN_TOKEN": "", "AIS_AUTHN_TOKEN_FILE": str(tmp_path / "token")})
    assert bucket in as_user("ls")
    assert user in as_user("auth", "whoami")
    (tmp_path / "k").write_bytes(b"x")
    with pytest.raises(Failed, match=r"denied|permission"):
        as_user("put", tmp_path / "k", f"{bucket}/k")
    ais("put", tmp_path / "k", f"{bucket}/k")
    assert as_user.bytes("object", "cat", f"{bucket}/k") == b"x"
    for kind, name in (("user", user), ("role", role), ("cluster", cluster)):
        ais("auth", "rm", kind, name, "-y")
        assert name not in ais("auth", "show", kind)
    with pytest.raises(Failed):
        as_user("ls", bucket)


def test_nothing_is_shown_without_a_token(bucket: str, tmp_path: Path) -> None:
    anyone = Ais({"AIS_AUTHN_TOKEN": "", "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)})
    with pytest.raises(Failed, match=r"token|401|authoriz"):
        anyone("ls", bucket)


def test_the_configuration_of_users_and_keys_is_shown() -> None:
    assert "auth" in json.loads(ais("auth", "show", "config", "--json"))
    assert os.environ["AIS_AUTHN_TOKEN"] not in ais("auth", "show", "config")
    ais("auth", "show", "oidc")
