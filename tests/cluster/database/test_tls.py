"""TLS to the database: who signed the server's certificate, and whose name it has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from cluster.database.connecting import Database
from cluster.database.errors import DatabaseRefused
from tests.cluster.postgres import HOST, USER, PostgresServer, owner, server_folder
from tests.storage.event_loop import run

# What the certificate says; the address 127.0.0.1 is another one.
_NAME = "localhost"
_ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


class Authority:
    """A CA that the test made."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        self.certificate = self._signed(
            self._name, self._key, x509.BasicConstraints(ca=True, path_length=0)
        )

    def write(self, certificate: Path, key: Path, *, days: int = 1) -> None:
        """Write a server's certificate and key; `days` is until when it is valid."""
        private = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
        names = x509.SubjectAlternativeName([x509.DNSName(_NAME)])
        certificate.write_bytes(self._signed(name, private, names, days))
        key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        key.chmod(0o600)
        if owner() is not None:
            shutil.chown(key, USER, USER)

    def _signed(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        days: int = 1,
    ) -> bytes:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(extension, critical=True)
            .sign(self._key, SHA256())
        )
        return made.public_bytes(Encoding.PEM)


class Secured(NamedTuple):
    """A server with a certificate, and the files of its CA and of another one."""

    server: PostgresServer
    authority: Authority
    trusted: Path
    other: Path

    def address(self, host: str = _NAME, *, trusted: Path | None = None) -> str:
        place = f"postgresql://{USER}@{host}:{self.server.port}/postgres"
        return f"{place}?sslmode=verify-full&sslrootcert={trusted or self.trusted}"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    authority, files = Authority(), tmp_path_factory.mktemp("authorities")
    (files / "ca").write_bytes(authority.certificate)
    (files / "other").write_bytes(Authority().certificate)
    with server_folder("tls") as folder:
        server = PostgresServer(
            folder,
            settings=(
                "fsync=off",
                "ssl=on",
                f"ssl_cert_file={folder}/certificate",
                f"ssl_key_file={folder}/key",
            ),
        )
        server.create()
        authority.write(folder / "certificate", folder / "key")
        try:
            server.start()
            yield Secured(server, authority, files / "ca", files / "other")
        finally:
            server.stop()


async def is_encrypted(address: str) -> bool:
    database = Database(address)
    try:
        await database.open()
        async with database.connection() as connection:
            found: bool = await connection.fetchval(_ENCRYPTED)
            return found
    finally:
        await database.close()


def test_a_server_with_a_certificate_of_the_ca_is_used(secured: Secured) -> None:
    assert run(is_encrypted(secured.address()))


def test_a_certificate_of_another_ca_is_refused(secured: Secured) -> None:
    with pytest.raises(DatabaseRefused, match=rf"{_NAME}:\d+: its certificate is not trusted .*"):
        run(is_encrypted(secured.address(trusted=secured.other)))


def test_a_certificate_of_another_host_is_refused(secured: Secured) -> None:
    with pytest.raises(DatabaseRefused, match=rf"{HOST}:\d+: .*mismatch.*as its certificate has"):
        run(is_encrypted(secured.address(HOST)))


def test_a_certificate_that_has_expired_is_refused(secured: Secured) -> None:
    folder = secured.server.folder
    try:
        secured.authority.write(folder / "certificate", folder / "key", days=-1)
        secured.server.reload()
        with pytest.raises(DatabaseRefused, match="expired: renew the server's certificate"):
            run(is_encrypted(secured.address()))
    finally:
        secured.authority.write(folder / "certificate", folder / "key")
        secured.server.reload()


def test_a_server_without_tls_is_refused_where_it_is_asked_for(
    server: PostgresServer, secured: Secured
) -> None:
    with pytest.raises(DatabaseRefused, match="it has no TLS, and sslmode asks for it"):
        run(is_encrypted(f"{server.address()}?sslmode=require"))
    both = secured.address(f"{_NAME}:{server.port},{_NAME}")
    assert run(is_encrypted(both))


def test_a_file_that_has_no_certificates_is_refused(secured: Secured, tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("nothing")
    with pytest.raises(DatabaseRefused, match="compare the TLS settings"):
        run(is_encrypted(secured.address(trusted=tmp_path / "ca")))
