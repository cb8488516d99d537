"""Requests to other machines: private addresses, bodies, and certificates of their own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from s3gw.outbound.fetch import Fetch, Fetched, OutboundError
from s3gw.outbound.peers import PeerClient
from tests.server.certificates import write_certificate
from tests.storage.event_loop import run

_MOST = 1 << 16


class Handler(BaseHTTPRequestHandler):
    """Sends back what it was sent, and redirects from /away."""

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        is_away = self.path == "/away"
        self.send_response(307 if is_away else 200)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-token", self.headers["authorization"] or "")
        if is_away:
            self.send_header("location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def peer(certificate: tuple[Path, Path] | None = None) -> Iterator[str]:
    """The URL of another machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        scheme = "https" if certificate else "http"
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sent(url: str, certificate: Path | None = None) -> Fetched:
    async def send() -> Fetched:
        client = PeerClient(certificate)
        headers = {"authorization": "Bearer t"}
        wanted = Fetch(url, "PUT", headers, as_sent=True, max_redirects=0, body=b"message")
        try:
            # Two at once open one client.
            answers = await asyncio.gather(
                client.get(wanted, limit_bytes=_MOST), client.get(wanted, limit_bytes=_MOST)
            )
        finally:
            await client.aclose()
        return answers[0]

    return run(send())


def test_a_body_and_a_token_reach_a_machine_with_a_private_address() -> None:
    with peer() as url:
        answer = sent(f"{url}/v1/cluster?a=%2F")
    assert (answer.status, answer.body) == (200, b"message")
    assert answer.headers["x-token"] == "Bearer t"


def test_a_redirect_is_not_followed() -> None:
    with peer() as url, pytest.raises(OutboundError, match="redirects"):
        sent(f"{url}/away")


def test_a_machine_that_is_not_there_is_an_error_without_the_token() -> None:
    with pytest.raises(OutboundError, match=r"127\.0\.0\.1 cannot be reached") as raised:
        sent("http://127.0.0.1:1/v1/daemon?what=smap")
    assert "Bearer" not in str(raised.value)


def test_the_certificate_of_this_server_is_trusted_and_no_other_is(tmp_path: Path) -> None:
    """All machines may have the same certificate, that nobody else vouches for."""
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    write_certificate(*files)
    other = tmp_path / "other.pem", tmp_path / "other-key.pem"
    write_certificate(*other)
    with peer(files) as url:
        assert sent(url, files[0]).body == b"message"
        for certificate in (None, other[0]):
            with pytest.raises(OutboundError, match=r"127\.0\.0\.1"):
                sent(url, certificate)
    with pytest.raises(OutboundError, match="cannot be read"):
        sent("https://127.0.0.1:1/", tmp_path / "missing.pem")
