"""Over https: which certificates are trusted, and that uploads arrive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from tests.server.certificates import write_certificate
from tests.server_process import ServerProcess


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    write_certificate(cert, key)
    flags = ["--tls-cert", str(cert), "--tls-key", str(key), "--no-auth"]
    with ServerProcess(folder, flags=flags, authority=cert) as server:
        yield server


@pytest.fixture
def cli(
    offline: CommandLine, secure: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    monkeypatch.setenv("AIS_ENDPOINT", secure.endpoint)
    return offline


def test_a_strange_certificate_is_not_trusted(cli: CommandLine) -> None:
    said = cli.refused("bucket", "ls")
    assert "is not trusted" in said
    assert "--ca or AIS_CLIENT_CA" in said


def test_a_certificate_is_trusted_by_name_or_not_looked_at(
    cli: CommandLine, secure: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.good("bucket", "ls", "--ca", secure.authority)
    cli.good("bucket", "ls", "--skip-verify")
    monkeypatch.setenv("AIS_CLIENT_CA", str(secure.authority))
    cli.good("bucket", "ls")


def test_bytes_go_there_and_back(
    cli: CommandLine, secure: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIS_CLIENT_CA", str(secure.authority))
    Path("file").write_bytes(bytes(3 << 20))
    cli.good("bucket", "create", "secure")
    cli.good("object", "put", "file", "secure")
    cli.good("object", "get", "secure/file", "back")
    assert Path("back").read_bytes() == bytes(3 << 20)


def test_certificates_that_are_none_are_wrong_use(cli: CommandLine) -> None:
    Path("empty").touch()
    assert "cannot be used" in cli.refused("bucket", "ls", "--ca", "empty", code=2)
    assert "No such file" in cli.refused("bucket", "ls", "--ca", "nowhere", code=2)


def test_http_where_https_is_spoken_is_told(cli: CommandLine, secure: ServerProcess) -> None:
    said = cli.refused("bucket", "ls", "--endpoint", secure.endpoint.replace("https", "http"))
    assert secure.endpoint.removeprefix("https") in said
