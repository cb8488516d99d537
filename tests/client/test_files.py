from __future__ import annotations

import io
from pathlib import Path

import pytest
import xxhash

from s3gw.client.errors import ClientError
from s3gw.client.files import download_file, upload_file, upload_stream
from s3gw.client.names import Bck, ObjectName
from s3gw.client.objects import ObjectRead
from tests.client.canned import Canned, answer

NAME = ObjectName(Bck("b"), "o")
BODY = b"some bytes"


def told(body: bytes) -> tuple[str, str]:
    return "Ais-Checksum-Type: xxhash2", f"Ais-Checksum-Value: {xxhash.xxh64_hexdigest(body)}"


def test_a_download_takes_its_place_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("older")
    with Canned([answer(200, BODY, *told(BODY))]) as server, server.client() as client:
        assert client.receive(download_file(NAME, file)) == len(BODY)
    assert file.read_bytes() == BODY
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "said", [answer(200, BODY, *told(b"other")), answer(200, BODY, length=99), answer(404)]
)
def test_a_download_that_fails_leaves_what_was_there(said: bytes, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("older")
    with Canned([said]) as server, server.client() as client, pytest.raises(ClientError):
        client.receive(download_file(NAME, file))
    assert file.read_text() == "older"
    assert list(tmp_path.iterdir()) == [file]


def test_a_part_has_no_checksum_of_its_own(tmp_path: Path) -> None:
    said = answer(206, BODY, *told(b"all of it"))
    with Canned([said]) as server, server.client() as client:
        client.receive(download_file(NAME, tmp_path / "part", ObjectRead(range="0-9")))
    assert b"Range: bytes=0-9\r\n" in server.requests[0]


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with Canned() as server, server.client() as client:
        with pytest.raises(ClientError, match="cannot be written: No such file or directory"):
            client.receive(download_file(NAME, tmp_path / "nowhere" / "file"))


def test_an_upload_promises_its_checksum(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BODY)
    with Canned([answer()]) as server, server.client() as client:
        assert client.run(upload_file(tmp_path / "file", NAME)) == len(BODY)
    (request,) = server.requests
    assert request.endswith(b"\r\n\r\n" + BODY)
    assert all(line.encode() in request for line in told(BODY))


def test_a_long_stream_that_arrived_otherwise_is_removed() -> None:
    size = (8 << 20) + 5
    with Canned([None, answer(200, b"", *told(b"other"))], [answer()]) as server:
        with server.client() as client, pytest.raises(ClientError, match="arrived damaged"):
            client.run(upload_stream(io.BytesIO(bytes(size)), NAME))
    assert server.requests[1].startswith(b"DELETE /v1/objects/b/o")
