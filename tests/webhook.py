"""A webhook that answers as it is told to, and servers that know it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.server_process import ServerProcess

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

WAIT_S = 30.0
BUCKET = "bucket"
HOOK_ARN = "arn:minio:sqs::hook:webhook"
DEAD_ARN = "arn:aws:sns:us-east-1:123456789012:dead"


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


class Silent(Hook):
    """Answers when it is released."""

    def __init__(self) -> None:
        super().__init__()
        self._released = threading.Event()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        status = super().take(headers, body)
        self._released.wait(60)
        return status

    def release(self) -> None:
        self._released.set()


def port_of(hook: Hook) -> int:
    return int(hook.url.rsplit(":", 1)[1].partition("/")[0])


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


def write_settings(folder: Path, url: str) -> Path:
    """Settings of a server with a target that listens at the URL, one where nobody does, and short
    pauses."""
    file = folder / "s3gw.toml"
    file.write_text(
        "[notifications]\ninterval_s = 0.05\nretry_s = 0.1\nlongest_retry_s = 0.2\n"
        f"[[notifications.targets]]\nname = 'hook'\nurl = '{url}'\n"
        "authorization = 'Bearer s3cr3t'\n"
        "[[notifications.targets]]\nname = 'dead'\nurl = 'http://127.0.0.1:9/'\n"
        "[bucket_logging]\ninterval_s = 0.5\n"
    )
    return file


@contextmanager
def serving(folder: Path, url: str, workers: int = 1) -> Iterator[ServerProcess]:
    """A server that has these settings."""
    flags = ["--config", str(write_settings(folder, url))]
    with ServerProcess(folder / "server", flags=flags, workers=workers) as server:
        yield server


def notify(client: S3Client) -> None:
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": HOOK_ARN, "Events": ["s3:ObjectCreated:*"]}],
            "TopicConfigurations": [{"TopicArn": DEAD_ARN, "Events": ["s3:ObjectRemoved:*"]}],
        },
    )
