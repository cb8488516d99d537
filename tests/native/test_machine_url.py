"""The URL that a machine announces."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from s3gw.config.catalog import settings
from s3gw.config.cluster import Cluster
from s3gw.config.schema import Config, Server
from s3gw.native.machine_url import machine_url

DATABASE = "postgresql://user:secret@127.0.0.1:1/s3gw"


def url(host: str, *, address: str = "", database: str = DATABASE, cert: str = "") -> str:
    server = Server(host=host, tls_cert=cert)
    cluster = Cluster(address=address, database=database)
    return machine_url(replace(Config(), server=server, cluster=cluster), 8080)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("10.0.0.1", "http://10.0.0.1:8080"),
        ("s3-1.example.com", "http://s3-1.example.com:8080"),
        ("fd00::1", "http://[fd00::1]:8080"),
    ],
)
def test_it_is_where_the_server_listens(host: str, expected: str) -> None:
    assert url(host) == expected
    assert url(host, cert="/cert.pem") == expected.replace("http:", "https:")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.0.0.1", "http://10.0.0.1:8080"),
        ("s3-1.example.com:80", "http://s3-1.example.com:80"),
        ("[fd00::1]", "http://[fd00::1]:8080"),
        ("[fd00::1]:80", "http://[fd00::1]:80"),
    ],
)
def test_what_is_configured_goes_before_that(address: str, expected: str) -> None:
    for host in ("0.0.0.0", "::", "10.9.9.9"):
        assert url(host, address=address) == expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_of_all_addresses_it_is_the_one_that_leads_to_the_database(host: str) -> None:
    assert url(host) == "http://127.0.0.1:8080"
    several = "postgresql://user:p%40ss@127.0.0.2,10.0.0.1:5433/s3gw?sslmode=disable"
    assert url(host, database=several).startswith("http://127.")
    nowhere = "postgresql://name.invalid/s3gw"
    assert url(host, database=nowhere) == f"http://{socket.gethostname()}:8080"
    assert url(host, database="postgresql:///s3gw?host=/run/postgresql")


@pytest.mark.parametrize("given", ["http://a", "a b", "a/b", "fd00::1", "user@a", "-a"])
def test_what_is_not_an_address_is_refused(given: str) -> None:
    declared = settings()["cluster.address"].declaration.type
    assert declared.read("a.b:80") == "a.b:80"
    with pytest.raises(ValueError, match=r"^$"):
        declared.read(given)
