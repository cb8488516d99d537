"""Only the folder of the database is written to."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from cluster.store import Place
from storage.startup_errors import MountpathError
from tests.cluster.postgres import PostgresServer
from tests.cluster.store.cluster_stores import NODE, cluster_store


@pytest.fixture
def used(server: PostgresServer, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """A folder and a database that were used before."""
    database = f"folder_{abs(hash(request.node.name))}"
    server.run(f"CREATE DATABASE {database}")
    made = Place(server.address(database), tmp_path / "shared", NODE)
    with cluster_store(made):
        return made


def refusal(place: Place) -> str:
    with pytest.raises(MountpathError) as caught, cluster_store(place):
        pass
    return str(caught.value)


def test_a_folder_where_nothing_is_mounted_is_refused(used: Place) -> None:
    shutil.rmtree(used.folder)
    used.folder.mkdir()
    assert "is not the folder of this database: is it mounted?" in refusal(used)
    assert not list(used.folder.iterdir())


def test_the_folder_of_another_database_is_refused(used: Place, tmp_path: Path) -> None:
    other = msgspec.structs.replace(used, folder=tmp_path / "other")
    shutil.copytree(used.folder, other.folder)
    identity = other.folder / "folder.json"
    identity.write_text(identity.read_text().replace('uuid":"', 'uuid":"0'))
    assert "is the folder 0" in refusal(other)


def test_a_new_database_does_not_take_a_folder_with_blobs(
    used: Place, server: PostgresServer
) -> None:
    (used.folder / "blobs" / "ab" / "abcd").write_bytes(b"somebody's")
    server.run("CREATE DATABASE folder_new")
    new = msgspec.structs.replace(used, address=server.address("folder_new"))
    assert "holds blobs of another database" in refusal(new)


def test_a_folder_whose_making_was_broken_off_is_made_anew(
    used: Place, server: PostgresServer
) -> None:
    server.run("DELETE FROM s3gw.folder", used.address.rpartition("/")[2])
    with cluster_store(used):
        pass
    with cluster_store(used):
        pass
    assert {each.name for each in used.folder.iterdir()} == {
        "blobs", "folder.json", "quarantine", "work",
    }  # fmt: skip


def test_folder_json_of_a_newer_version_is_refused(used: Place) -> None:
    identity = used.folder / "folder.json"
    identity.write_text(identity.read_text().replace('"version":1', '"version":99'))
    assert "has format 99" in refusal(used)
