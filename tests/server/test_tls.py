"""https: the same server behind a certificate."""

from __future__ import annotations

import contextlib
import http.client
import io
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from s3gw.config.loading import ConfigError
from s3gw.config.schema import Server
from s3gw.server.tls import Certificate, ClientCertificates, read_certificate
from tests.server.certificates import write_certificate
from tests.server_process import ServerProcess, eventually

BODY = b"0123456789" * 100_000


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    write_certificate(cert, key)
    return cert, key


@pytest.fixture(params=["hypercorn", "uvicorn"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, files: tuple[Path, Path]
) -> Iterator[ServerProcess]:
    cert, key = files
    flags = ["--tls-cert", str(cert), "--tls-key", str(key), "--http-server", request.param]
    with ServerProcess(tmp_path / "server", flags=flags, authority=cert) as server:
        yield server


def test_boto3_works_over_https(server: ServerProcess) -> None:
    """There it sends trailers: the body in aws-chunks within HTTP chunks, without a length."""
    s3 = server.client()
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="bytes", Body=BODY)
    s3.upload_fileobj(io.BytesIO(BODY), "bucket", "stream")
    for key in ("bytes", "stream"):
        assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == BODY
    upload = s3.create_multipart_upload(Bucket="bucket", Key="parts")["UploadId"]
    part = s3.upload_part(Bucket="bucket", Key="parts", UploadId=upload, PartNumber=1, Body=BODY)
    done = s3.complete_multipart_upload(
        Bucket="bucket",
        Key="parts",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    assert done["Location"] == f"https://127.0.0.1:{server.port}/bucket/parts"


def test_the_banner_says_https(server: ServerProcess) -> None:
    assert f"is ready at https://127.0.0.1:{server.port}" in server.errors


def test_a_renewed_certificate_is_taken_up(files: tuple[Path, Path]) -> None:
    certificate = Certificate(*files)
    write_certificate(*files)
    certificate.load_if_changed()
    assert certificate.loaded_from == certificate.state_of_files()


def test_half_of_a_new_pair_leaves_the_old_one(
    files: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    cert, key = files
    certificate = Certificate(cert, key)
    before, old_key = certificate.loaded_from, key.read_bytes()
    write_certificate(cert, key)
    new_key = key.read_bytes()
    key.write_bytes(old_key)
    certificate.load_if_changed()
    assert certificate.loaded_from == before
    assert "certificate cannot be loaded again" in caplog.text
    key.write_bytes(new_key)
    certificate.load_if_changed()
    assert certificate.loaded_from == certificate.state_of_files()


def test_a_key_that_does_not_fit_is_a_configuration_error(tmp_path: Path) -> None:
    cert, key, other = (tmp_path / name for name in ("cert", "key", "other"))
    write_certificate(cert, key)
    write_certificate(tmp_path / "unused", other)
    with pytest.raises(ConfigError, match=r"server\.tls_cert = .*cannot be loaded"):
        read_certificate(Server(tls_cert=str(cert), tls_key=str(other)))
    with pytest.raises(ConfigError, match=r"server\.tls_cert = .*No such file"):
        read_certificate(Server(tls_cert=str(tmp_path / "nope")))
    with pytest.raises(ConfigError, match=r"server\.tls_key = .*a key alone"):
        read_certificate(Server(tls_key=str(key)))


@contextlib.contextmanager
def asking_for_clients(
    folder: Path, kind: str, how: str, files: tuple[Path, Path], authority: Path
) -> Iterator[ServerProcess]:
    """Health is asked for without a certificate, so it is not waited for."""
    cert, key = files
    flags = ["--tls-cert", str(cert), "--tls-key", str(key), "--http-server", kind]
    environment = {"S3GW_SERVER_TLS_CLIENT_AUTH": how, "S3GW_SERVER_TLS_CLIENT_CA": str(authority)}
    server = ServerProcess(folder, flags=flags, environment=environment, authority=cert)
    server.launch()
    try:
        eventually(server._is_up, "server ready")
        yield server
    finally:
        server.destroy()


def status_with(server: ServerProcess, shown: tuple[Path, Path] | None) -> int:
    """Of a health check with that certificate; 0 when there is no connection."""
    context = ssl.create_default_context(cafile=server.authority)
    if shown is not None:
        context.load_cert_chain(*shown)
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=30, context=context)
    try:
        connection.request("GET", "/v1/health")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


@pytest.mark.parametrize("kind", ["hypercorn", "uvicorn"])
@pytest.mark.parametrize(("how", "without"), [("request", 200), ("require", 0)])
def test_clients_show_a_certificate(
    tmp_path: Path, files: tuple[Path, Path], kind: str, how: str, without: int
) -> None:
    """One that vouches for itself is its own authority."""
    good, strange = ((tmp_path / f"{n}-cert", tmp_path / f"{n}-key") for n in ("good", "strange"))
    for pair in (good, strange):
        write_certificate(*pair)
    with asking_for_clients(tmp_path / "server", kind, how, files, good[0]) as server:
        assert status_with(server, good) == 200
        assert status_with(server, strange) == 0
        assert status_with(server, None) == without


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tls_client_auth": "require"}, r"tls_client_auth = 'require': it needs .*tls_client_ca"),
        (
            {"tls_client_auth": "request", "tls_client_ca": "ca.pem"},
            r"tls_client_auth = 'request': it needs server\.tls_cert",
        ),
        ({"tls_client_ca": "ca.pem"}, r"tls_client_ca = 'ca.pem': it is of no use"),
        (
            {"tls_client_auth": "require", "tls_client_ca": "/none", "tls_cert": "/none"},
            r"tls_client_ca = '/none': cannot be loaded",
        ),
    ],
)
def test_half_of_the_settings_for_clients_is_a_mistake(
    settings: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        read_certificate(Server(**settings))  # type: ignore[arg-type]


def test_a_new_authority_for_clients_is_taken_up(tmp_path: Path, files: tuple[Path, Path]) -> None:
    authorities, key = tmp_path / "ca", tmp_path / "ca-key"
    write_certificate(authorities, key)
    certificate = Certificate(*files, ClientCertificates(authorities, required=True))
    assert certificate.context.cert_store_stats()["x509"] == 1
    write_certificate(authorities, key)
    certificate.load_if_changed()
    assert certificate.context.cert_store_stats()["x509"] == 2


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_nothing_older_than_tls_1_2_is_spoken(
    files: tuple[Path, Path], version: ssl.TLSVersion
) -> None:
    assert Certificate(*files).context.minimum_version > version


def test_one_file_may_hold_both(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert", tmp_path / "key"
    write_certificate(cert, key)
    cert.write_bytes(cert.read_bytes() + key.read_bytes())
    assert read_certificate(Server(tls_cert=str(cert))) is not None


def test_a_pair_that_does_not_match_leaves_the_old_one_in_use(files: tuple[Path, Path]) -> None:
    """OpenSSL takes the certificate before it finds that the key is another's."""
    cert, key = files
    certificate = Certificate(cert, key)
    before, old_key = cert.read_text(), key.read_bytes()
    write_certificate(cert, key)
    key.write_bytes(old_key)
    certificate.load_if_changed()
    assert _shown_by(certificate.context) == ssl.PEM_cert_to_DER_cert(before)


def _shown_by(context: ssl.SSLContext) -> bytes | None:
    """The certificate that a client gets to see, after a handshake in memory."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server),
        context.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return ends[0].getpeercert(binary_form=True)
