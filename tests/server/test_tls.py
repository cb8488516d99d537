"""https: the same server behind a certificate."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from s3gw.config import ConfigError
from s3gw.sections import Server
from s3gw.tls import Certificate, read_certificate
from tests.server.certificates import write_certificate
from tests.server_process import ServerProcess

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
    assert done["Location"].startswith("https://")


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


def test_one_file_may_hold_both(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert", tmp_path / "key"
    write_certificate(cert, key)
    cert.write_bytes(cert.read_bytes() + key.read_bytes())
    assert read_certificate(Server(tls_cert=str(cert))) is not None
