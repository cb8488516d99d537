"""A webhook on a free port of this machine, that answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT_S = 30.0


class Hook:
    """Remembers each POST; answers with `statuses` in their order, then with 200."""

    def __init__(self, statuses: list[int] | None = None) -> None:
        self.statuses = statuses or []
        self.received: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self._changed = threading.Condition()

    @property
    def keys(self) -> list[str]:
        return [each["Records"][0]["s3"]["object"]["key"] for each in self.received
                if "Records" in each]  # fmt: skip

    def take(self, headers: dict[str, str], body: bytes) -> int:
        with self._changed:
            self.headers.append(headers)
            self.received.append(json.loads(body))
            self._changed.notify_all()
            return self.statuses.pop(0) if self.statuses else 200

    def wait_for(self, count: int) -> list[Any]:
        """What came, as soon as it is so much."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, WAIT_S)
            return list(self.received)


@contextmanager
def listening(hook: Hook, port: int = 0) -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = hook.take(dict(self.headers), body)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", hook.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()
