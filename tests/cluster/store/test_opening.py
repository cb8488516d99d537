"""A store is not opened on a database that it cannot use, and says why."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from cluster.database.errors import DatabaseAway, DatabaseRefused
from cluster.store import Place
from tests.cluster.postgres import HOST, USER, PostgresServer
from tests.cluster.store.cluster_stores import cluster_store, empty_place


def open_and_close(place: Place) -> None:
    with cluster_store(place):
        pass


def test_a_database_of_a_newer_version_is_refused(server: PostgresServer) -> None:
    with empty_place(server, "newer") as place:
        open_and_close(place)
        server.run("INSERT INTO s3gw.schema_steps VALUES (9999)", "newer")
        with pytest.raises(DatabaseRefused, match=r"schema 9999, .*: update s3gw on this machine"):
            open_and_close(place)


def test_a_database_that_does_not_exist_is_refused_at_once(
    server: PostgresServer, place: Place
) -> None:
    with pytest.raises(DatabaseRefused, match=r'"nothing" does not exist: create it'):
        open_and_close(replace(place, address=server.address("nothing")))


def test_a_server_that_is_down_is_away(place: Place) -> None:
    with pytest.raises(DatabaseAway, match=f"{HOST}:1: "):
        open_and_close(replace(place, address=f"postgresql://{USER}:s3cret@{HOST}:1/postgres"))
