"""https through both drivers: which certificates are trusted, and how others are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from s3gw.client.buckets import list_buckets
from s3gw.client.endpoint import Endpoint
from s3gw.client.errors import BadSetting, ClientError, Unreachable
from tests.client.drivers import DRIVERS
from tests.server.certificates import write_certificate
from tests.server_process import ServerProcess


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    write_certificate(cert, key)
    flags = ["--tls-cert", str(cert), "--tls-key", str(key), "--no-auth"]
    with ServerProcess(folder, flags=flags, authority=cert) as server:
        yield Endpoint(server.endpoint, ca_file=str(cert))


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_certificate_is_trusted_by_name_or_not_verified(driver: str, secure: Endpoint) -> None:
    for endpoint in (secure, replace(secure, ca_file="", verifies=False)):
        with DRIVERS[driver](endpoint) as client:
            assert client.call(list_buckets()) == []


def test_an_unknown_certificate_is_refused_with_advice(driver: str, secure: Endpoint) -> None:
    with DRIVERS[driver](replace(secure, ca_file="")) as client:
        with pytest.raises(Unreachable, match=r"is not trusted: .*--ca or AIS_CLIENT_CA"):
            client.call(list_buckets())


def test_certificates_that_cannot_be_read_are_a_bad_setting(
    driver: str, secure: Endpoint, tmp_path: Path
) -> None:
    with pytest.raises(BadSetting, match="cannot be used: No such file"):
        with DRIVERS[driver](replace(secure, ca_file=str(tmp_path / "none"))) as client:
            client.call(list_buckets())


def test_a_server_without_tls_is_an_error_with_advice(driver: str, endpoint: Endpoint) -> None:
    there = replace(endpoint, url=endpoint.url.replace("http:", "https:"))
    with DRIVERS[driver](there) as client:
        with pytest.raises(ClientError, match="Does the server use https on this port"):
            client.call(list_buckets())
