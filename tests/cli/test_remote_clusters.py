"""Other clusters from a shell: attached, shown, used and detached."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.conftest import CommandLine
from tests.server_process import ServerProcess


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("far"), flags=("--no-auth",)) as server:
        yield server


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    flags = ("--no-auth", "--backend", "ais")
    with ServerProcess(tmp_path_factory.mktemp("near"), flags=flags) as server:
        yield server


@pytest.fixture
def here(
    offline: CommandLine, near: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CommandLine]:
    monkeypatch.setenv("AIS_ENDPOINT", near.endpoint)
    yield offline
    for each in offline.json("cluster", "remote"):
        offline.good("cluster", "detach", each["alias"])


def test_a_cluster_is_attached_shown_and_detached(here: CommandLine, far: ServerProcess) -> None:
    assert here.json("cluster", "remote") == []
    (attached,) = here.json("cluster", "attach", "far", far.endpoint)
    assert (attached["alias"], attached["url"]) == ("far", far.endpoint)
    table = here.good("cluster", "remote").out.splitlines()
    assert table[0].split() == ["ALIAS", "UUID", "ADDRESS", "STATUS", "TARGETS"]
    assert table[1].split() == ["far", attached["uuid"], far.endpoint, "online", "1"]
    assert here.json("cluster", "detach", attached["uuid"]) == {"detached": attached["uuid"]}
    assert here.json("cluster", "remote") == []
    assert "nosuch" in here.refused("cluster", "detach", "nosuch")


def test_a_cluster_has_several_urls(here: CommandLine, far: ServerProcess) -> None:
    down = "http://127.0.0.1:1"
    shown = here.good("cluster", "attach", "far", down).out
    assert "does not answer" in shown
    here.good("cluster", "attach", "far", far.endpoint, f"{far.endpoint}/")
    (known,) = here.json("cluster", "remote")
    assert known["url"] == far.endpoint
    assert "the URL must be" in here.refused("cluster", "attach", "far", "ftp://h")
    assert "alias" in here.refused("cluster", "attach", "x", far.endpoint)


def test_buckets_of_a_cluster_are_created_listed_and_removed(
    here: CommandLine, far: ServerProcess
) -> None:
    here.good("cluster", "attach", "far", far.endpoint)
    here.good("bucket", "create", "ais://@far/made", "--props", "checksum.type=md5")
    (listed,) = here.json("bucket", "ls", "--cluster", "far")
    assert listed["name"] == "made"
    there = here.json("bucket", "head", "ais://made", "--endpoint", far.endpoint)
    assert there["checksum"]["type"] == "md5"
    here.good("object", "put", "-", "ais://@far/made/a", stdin=b"content")
    assert here.good("object", "cat", "ais://@far/made/a").out == "content"
    here.good("bucket", "rm", "ais://@far/made", "--yes")
    assert here.json("bucket", "ls", "--cluster", "far") == []
    here.refused("bucket", "head", "ais://made", "--endpoint", far.endpoint)


def test_a_bucket_is_listed_from_its_inventory(here: CommandLine, far: ServerProcess) -> None:
    here.good("cluster", "attach", "far", far.endpoint)
    there, group = "ais://@far/written", ("bucket", "inventory")
    here.good("bucket", "create", there)
    for name in ("a", "d/1", "d/2"):
        here.good("object", "put", "-", f"{there}/{name}", stdin=b"content")
    assert here.json(*group, "ls") == []
    assert "no such inventory" in here(*group, "show", there).out
    assert "3 objects" in here.good(*group, "create", there, "--name", "first").out
    assert "already exists" in here(*group, "create", there).err
    (shown,) = here.json(*group, "show", there, "--name", "first")
    assert (shown["name"], shown["ntotal"]) == ("first", 3)
    rows = here.good(*group, "show", there).out.splitlines()
    assert ["objects", "3"] in [row.split() for row in rows]
    here.good("object", "rm", f"{there}/a", "--yes")
    listed = here.json("object", "ls", there, "--inventory")
    assert [each["name"] for each in listed] == ["a", "d/1", "d/2"]
    table = here.good(*group, "ls", there).out.splitlines()
    assert table[1].split()[1:4] == ["first", "-", "3"]
    more = ("--props", "size,checksum", "--names-per-chunk", "2", "--force")
    here.good(*group, "create", f"{there}/d/", *more)
    (shown,) = here.json(*group, "ls")
    assert (shown["prefix"], shown["ntotal"], shown["chunks"]) == ("d/", 2, 1)
    assert here.json(*group, "rm", there, "--yes") == {"removed": [shown["name"]]}
    assert here(*group, "rm", there, "--yes").code == 1
    assert "has no inventories" in here.refused("object", "ls", there, "--inventory")
    here.good("bucket", "rm", there, "--yes")
