"""Transformers of a server that speaks https."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.etl.scene import EtlScene
from tests.server.certificates import write_certificate
from tests.server_process import ServerProcess


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtlScene]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    write_certificate(cert, key)
    flags = ["--etl", "--no-auth", "--tls-cert", str(cert), "--tls-key", str(key)]
    with ServerProcess(folder / "server", flags=flags, authority=cert) as server:
        yield EtlScene(server)


@pytest.mark.parametrize("communication", ["hpush://", "hpull://"])
def test_an_object_is_transformed(secure: EtlScene, communication: str) -> None:
    bucket = secure.new_bucket({"o": b"hello", "a b/ü%": b"named"})
    etl = secure.new_etl(communication=communication)
    assert secure.read(bucket, "o", etl).body == b"olleh"
    assert secure.read(bucket, "a b/ü%", etl, "upper").body == b"NAMED"


def test_one_that_pulls_is_told_whom_to_trust(secure: EtlScene) -> None:
    bucket = secure.new_bucket({"o": b"hello"})
    etl = secure.new_etl(env={"AIS_CLIENT_CA": "/nowhere"}, communication="hpull://")
    answer = secure.read(bucket, "o", etl)
    assert answer.status == 422
    assert secure.server.authority is not None
    own = secure.new_etl()
    environment = secure.read(bucket, "o", own, "environment").body.decode()
    assert str(Path(secure.server.authority).resolve()) in environment
    assert "https://127.0.0.1" in environment
