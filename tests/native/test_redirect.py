"""The first leg of a PUT over https: redirected before its body, which never comes."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.native.scene import Scene, told
from tests.server.certificates import write_certificate
from tests.server_process import ServerProcess

FIRST = {"connection": "close", "content-length": "5", "x-forwarded-proto": "https"}


def test_the_first_leg_is_sent_to_itself(scene: Scene, bucket: str) -> None:
    target = f"objects/{bucket}/a%20b%3F?provider=ais"
    answer = scene.send("PUT", target, headers=FIRST)
    assert answer.status == 307
    location = answer.headers["location"]
    assert location.startswith(f"https://127.0.0.1:8080/v1/{target}&pid=")
    assert scene.send("HEAD", f"objects/{bucket}/a%20b%3F").status == 404
    second = location.removeprefix("https://127.0.0.1:8080/v1/")
    # The client adds its parameters once more.
    headers = {"x-forwarded-proto": "https", "connection": "close"}
    assert scene.send("PUT", f"{second}&provider=ais", body=b"12345", headers=headers).status == 200
    assert scene.send("GET", f"objects/{bucket}/a%20b%3F").body == b"12345"


def test_an_upload_of_unknown_length_is_redirected_too(scene: Scene, bucket: str) -> None:
    headers = {**FIRST, "content-length": "0"}
    assert scene.send("PUT", f"objects/{bucket}/k", headers=headers).status == 307
    assert scene.send("HEAD", f"objects/{bucket}/k").status == 404


def test_who_may_not_write_learns_it_at_once(scene: Scene, bucket: str) -> None:
    answer = scene.send("PUT", f"objects/{bucket}/k", headers=FIRST, token="reader")
    assert told(answer).status == 403
    assert answer.headers["connection"] == "close"
    assert told(scene.send("PUT", "objects/nowhere/k", headers=FIRST)).status == 404
    assert told(scene.send("PUT", f"objects/{bucket}/k", headers=FIRST, token="")).status == 401


def test_others_are_answered_directly(scene: Scene, bucket: str) -> None:
    plain = {"connection": "close"}
    assert scene.send("PUT", f"objects/{bucket}/a", body=b"x", headers=plain).status == 200
    kept = {"x-forwarded-proto": "https", "connection": "keep-alive"}
    assert scene.send("PUT", f"objects/{bucket}/b", body=b"x", headers=kept).status == 200
    closed = {"x-forwarded-proto": "https", "connection": "close"}
    assert scene.send("GET", f"objects/{bucket}/b", headers=closed).body == b"x"
    assert scene.send("DELETE", f"objects/{bucket}/b", headers=closed).status == 200


@pytest.fixture(scope="module", params=["hypercorn", "uvicorn"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ServerProcess, Path]]:
    folder = tmp_path_factory.mktemp("https")
    cert, key = folder / "cert.pem", folder / "key.pem"
    write_certificate(cert, key)
    flags = ["--tls-cert", str(cert), "--tls-key", str(key), "--http-server", request.param]
    flags.append("--no-auth")
    with ServerProcess(folder / "server", flags=flags, authority=cert) as server:
        yield server, cert


def exchange(
    server: tuple[ServerProcess, Path], method: str, target: str, headers: dict[str, str]
) -> http.client.HTTPResponse:
    """One request on a connection of its own, with a head only."""
    process, cert = server
    trusted = ssl.create_default_context(cafile=cert)
    connection = http.client.HTTPSConnection("127.0.0.1", process.port, timeout=30, context=trusted)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, text in headers.items():
        connection.putheader(name, text)
    connection.endheaders()
    return connection.getresponse()


def test_no_server_waits_for_the_body(server: tuple[ServerProcess, Path]) -> None:
    head = {"connection": "close", "content-length": "1000000"}
    refused = exchange(server, "PUT", "/v1/objects/two-legs/k", head)
    assert refused.status == 404
    assert b"ais://two-legs" in refused.read()
    process, _ = server
    process.client().create_bucket(Bucket="two-legs")
    answer = exchange(server, "PUT", "/v1/objects/two-legs/k", head)
    assert answer.status == 307
    assert answer.read() == b""
    assert (answer.getheader("location") or "").startswith(process.endpoint)
