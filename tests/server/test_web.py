"""A whole server in front of the web: the proxy of its HTTP servers, and downloads over a crash."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.server_process import ServerProcess, clean_environment, eventually

NO_HEADERS: Mapping[str, str] = {}
CONTENT = bytes(range(256)) * 1000


class Origin:
    """A web server in threads of this process. `asked` has its requests with their headers; while
    `goes_on` is not set, a body stops in the middle."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.goes_on = threading.Event()
        self.goes_on.set()
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(CONTENT)

            def do_HEAD(self) -> None:
                self._answer(b"")

            def _answer(self, body: bytes) -> None:
                sent = {name.lower(): value for name, value in self.headers.items()}
                origin.asked.append((self.command, self.path, sent))
                self.send_response(404 if "missing" in self.path else 200)
                self.send_header("ETag", '"abc"')
                self.send_header("Content-Type", "text/x-test")
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                half = len(body) // 2
                try:
                    self.wfile.write(body[:half])
                    self.wfile.flush()
                    origin.goes_on.wait(60)
                    self.wfile.write(body[half:])
                except OSError:
                    # The server was killed meanwhile.
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.goes_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def count(self, path: str, method: str = "GET") -> int:
        return sum((each[0], each[1]) == (method, path) for each in self.asked)


class Proxy(ServerProcess):
    """Two workers with authentication; `origin` is the one private address that may be read."""

    def __init__(self, folder: Path, http_server: str, origin: Origin) -> None:
        flags = ("--backend", "ht", "--http-server", http_server)
        environment = {"S3GW_OUTBOUND_ALLOW": "127.0.0.1"}
        super().__init__(folder, flags=flags, environment=environment, workers=2)
        self.origin = origin
        self.token = ""

    def start(self) -> ServerProcess:
        super().start()
        command = [sys.executable, "-m", "s3gw", "auth", "token", "--data", str(self.data[0])]
        made = subprocess.run(
            command, env=clean_environment(), capture_output=True, check=True, text=True
        )
        self.token = made.stdout.strip()
        return self

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] = NO_HEADERS, body: bytes = b""
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """One request with that very target, as clients of a proxy send it."""
        connection = self.connection()
        try:
            connection.request(method, target, body or None, headers)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def proxied(self, path: str, method: str = "GET", **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Proxy-Authorization"] = f"Bearer {self.token}"
        return self.ask(method, f"{self.origin.url}{path}", named)

    def native(self, method: str, path: str, message: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = json.dumps(message).encode() if message is not None else b""
        answer, text = self.ask(method, f"/v1/{path}", headers, body)
        assert answer.status == 200, text
        return json.loads(text) if text else None


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    made = Origin()
    yield made
    made.close()


@pytest.fixture(scope="module", params=["uvicorn", "hypercorn"])
def server(
    request: pytest.FixtureRequest, origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    made = Proxy(tmp_path_factory.mktemp("server"), request.param, origin)
    with made:
        origin.asked.clear()
        yield made


def test_a_proxy_reads_once_and_keeps_it(server: Proxy) -> None:
    for _ in range(3):
        answer, body = server.proxied("/d/a")
        assert (answer.status, body) == (200, CONTENT)
        assert answer.getheader("Content-Type") == "text/x-test"
        assert answer.getheader("ETag") == '"abc"'
    assert server.origin.count("/d/a") == 1
    answer, body = server.proxied("/d/a", Range="bytes=1-3")
    assert (answer.status, body) == (206, CONTENT[1:4])
    answer, body = server.proxied("/d/a", "HEAD")
    assert (answer.status, answer.getheader("Content-Length")) == (200, str(len(CONTENT)))
    buckets = server.native("GET", "buckets?provider=ht", {"action": "list"})
    assert len(buckets) == 1
    assert server.client().list_objects_v2(Bucket=buckets[0]["name"])["KeyCount"] == 1


def test_a_client_may_ask_for_the_newest(server: Proxy) -> None:
    server.proxied("/d/newest")
    answer, body = server.proxied("/d/newest", Cache_Control="no-cache")
    assert (answer.status, body) == (200, CONTENT)
    method, _, sent = server.origin.asked[-1]
    assert (method, sent["if-none-match"]) == ("HEAD", '"abc"')


def test_a_proxy_wants_a_token(server: Proxy) -> None:
    target = f"{server.origin.url}/d/secret"
    user = b64encode(f"any:{server.token}".encode()).decode()
    for credentials, status in (
        ("", 407),
        ("Bearer wrong", 407),
        ("Basic !", 407),
        ("Digest x", 407),
        (f"Basic {user}", 200),
    ):
        answer, _ = server.ask("GET", target, {"Proxy-Authorization": credentials})
        assert answer.status == status
        asked = answer.getheader("Proxy-Authenticate") or ""
        assert asked.startswith("Bearer") is (status == 407)
        assert answer.getheader("WWW-Authenticate") is None
    # A token for the other server is not one for this.
    answer, _ = server.ask("GET", target, {"Authorization": f"Bearer {server.token}"})
    assert answer.status == 407
    assert server.origin.count("/d/secret") == 1


def test_nothing_of_a_client_is_passed_on(server: Proxy) -> None:
    server.proxied("/d/plain?x=1", Authorization="Bearer theirs", Cookie="a=b", Referer="http://x")
    ((_, _, sent),) = [each for each in server.origin.asked if each[:2] == ("GET", "/d/plain?x=1")]
    assert not {"authorization", "cookie", "referer", "proxy-authorization"} & sent.keys()
    assert sent["accept-encoding"] == "identity"


def test_what_a_proxy_does_not_do_is_refused(server: Proxy) -> None:
    credentials = f"Bearer {server.token}"
    for method, target, status, text in (
        ("CONNECT", "example.com:443", 405, "no tunnels"),
        ("PUT", f"{server.origin.url}/d/a", 405, "only reads"),
        ("DELETE", f"{server.origin.url}/d/a", 405, "only reads"),
        ("GET", f"{server.origin.url}/d/", 400, "directory"),
        ("GET", f"{server.origin.url}/d/missing", 404, "does not exist"),
        ("GET", "ftp://127.0.0.1/d/a", 400, "http"),
        ("GET", "http://10.0.0.1/d/a", 403, "outbound.allow"),
        ("GET", "http://169.254.169.254/latest/meta-data", 403, "outbound.allow"),
    ):
        answer, body = server.ask(method, target, {"Proxy-Authorization": credentials})
        assert (answer.status, text in body.decode()) == (status, True), (method, target)


def test_a_url_of_the_server_itself_is_its_own(server: Proxy) -> None:
    answer, _ = server.ask("GET", f"http://127.0.0.1:{server.port}/v1/health")
    assert answer.status == 200


def test_the_command_line_downloads(server: Proxy) -> None:
    links = [f"{server.origin.url}/c/{name}" for name in ("a", "b")]
    command = [sys.executable, "-m", "s3gw", "job", "download", *links, "ais://shell/d/"]
    known = {"AIS_ENDPOINT": server.endpoint, "AIS_AUTHN_TOKEN": server.token}
    environment = {**clean_environment(), **known}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "Downloaded into ais://shell: 2 objects, 500.0 KiB.\n"
    listed = server.client().list_objects_v2(Bucket="shell")["Contents"]
    assert [each["Key"] for each in listed] == ["d/a", "d/b"]


def test_a_download_goes_on_after_a_crash(server: Proxy) -> None:
    server.origin.goes_on.clear()
    message = {"type": "range", "bucket": {"name": "downloaded"}, "description": "crash"}
    message |= {"template": f"{server.origin.url}/e/{{0..5}}", "limits": {"connections": 2}}
    xid = server.native("POST", "download", message)["id"]
    eventually(lambda: server.origin.count("/e/1") == 1, "two are half here")
    server.kill9_all()
    server.origin.goes_on.set()
    server.start()
    asked = {"id": xid}
    done = "1970-01-01T00:00:00Z"
    eventually(lambda: server.native("GET", "download", asked)["finished_time"] != done, "done")
    status = server.native("GET", "download", asked)
    assert (status["finished_cnt"], status["error_cnt"], status["aborted"]) == (6, 0, False)
    client = server.client()
    assert client.list_objects_v2(Bucket="downloaded")["KeyCount"] == 6
    assert client.get_object(Bucket="downloaded", Key="1")["Body"].read() == CONTENT
