"""A transformer for tests, in the standard library alone: its arguments say what to do.

It is run by a server of the tests, which gives it HOST, PORT and AIS_TARGET_URL. Without arguments,
and none on its command line, an object comes back with its bytes in reverse.
"""

from __future__ import annotations

import json
import os
import socketserver
import ssl
import stat
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import urlopen

USUAL = sys.argv[1] if len(sys.argv) > 1 else "reverse"
_released = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer(b"Running")
        elif self.path == "/release":
            _released.set()
            self._answer(b"released")
        else:
            # hpull: the object is read where the server says.
            url = f"{os.environ['AIS_TARGET_URL']}{urlsplit(self.path).path}"
            with urlopen(url, context=_trust()) as answer:
                self._transform(answer.read())

    def do_PUT(self) -> None:
        body = self._body()
        if file := parse_qs(urlsplit(self.path).query).get("etl_fqn"):
            body = Path(unquote(file[0])).read_bytes()
        self._transform(body)

    def log_message(self, *_: object) -> None:
        """Say nothing for each request."""

    def _transform(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        args = parse_qs(parts.query).get("etl_args", [USUAL])[0]
        match args:
            case "reverse":
                self._answer(body[::-1])
            case "upper":
                self._answer(body.upper())
            case "file":
                file = Path(unquote(parse_qs(parts.query)["etl_fqn"][0]))
                mode = stat.filemode(file.stat().st_mode)
                self._answer(json.dumps([str(file), mode]).encode())
            case "path":
                self._answer(unquote(parts.path).encode())
            case "environment":
                self._answer(json.dumps(dict(os.environ)).encode())
            case "say":
                print("something to say", flush=True)
                self._answer(b"said")
            case "fail":
                self._answer(b"no such luck", status=500)
            case "refuse":
                self._answer(b"not this one", status=415)
            case "fail odd" if body[:1].decode() in "13579":
                self._answer(b"it is odd", status=500)
            case "fail odd":
                self._answer(body)
            case "die of kill" if body != b"kill":
                self._answer(body)
            case "die" | "die of kill":
                os._exit(3)
            case "hang":
                threading.Event().wait()
            case "hold":
                _released.wait()
                self._answer(b"held")
            case "garbage":
                self.wfile.write(b"this is not HTTP\r\n\r\n")
                self.close_connection = True
            case "too little":
                self._head(200, 1 << 20)
                self.wfile.write(b"x" * 1000)
                self.close_connection = True
            case "too much":
                self._endless()
            case other:
                self._answer(f"what is {other!r}?".encode(), status=400)

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        except OSError:
            return

    def _body(self) -> bytes:
        length = self.headers["Content-Length"]
        if length is not None:
            return self.rfile.read(int(length))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, body: bytes, status: int = 200) -> None:
        self._head(status, len(body))
        self.wfile.write(body)

    def _head(self, status: int, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()


def _trust() -> ssl.SSLContext | None:
    """What to trust besides: the server's own certificate, where it names one."""
    authority = os.environ.get("AIS_CLIENT_CA")
    return ssl.create_default_context(cafile=authority) if authority else None


class Server(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    print("it begins", flush=True)
    Server((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
