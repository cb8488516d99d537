"""Requests in phases; callgrind writes down what each phase took when `mark` is called."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from s3gw.auth import Authenticator, AuthOptions
from s3gw.auth.throttle import Throttle
from s3gw.config.auth import ThrottleOptions
from s3gw.http.request import Addressing
from s3gw.identity.accounts import Account, Accounts
from s3gw.s3.app import S3App
from s3gw.s3.routing import OperationTable
from s3gw.server.operations import all_operations
from s3gw.telemetry.exchange import Exchange
from s3gw.telemetry.metrics import Metrics
from storage.backend import Backend
from storage.backends.local import StoreOptions
from storage.clock import SystemClock
from tests.server.wire import Wire
from tests.services import new_services
from tests.storage.local_stores import local_store

HOST = "127.0.0.1:8000"
ROOT = Account("root-id", "root", "", {"ROOT-KEY": "root-secret"})
BODY = bytes(range(256)) * 16
# callgrind writes down its counts when this function of the C library is called.
MARK = "getppid"
REPEATED = 40
LISTED = 100
# What each phase does, and how often.
PHASES = {
    "reference": 1,
    "get": REPEATED,
    "range": REPEATED,
    "put": REPEATED,
    "list": REPEATED // 10,
    "http": REPEATED,
}

_HEADERS = {"Content-Length": str(len(BODY)), **{f"x-amz-header-{n}": "value" for n in range(9)}}

Scope = dict[str, Any]


class Observer:
    """Metrics alone: logs are off."""

    def __init__(self) -> None:
        self._metrics = Metrics("instructions")

    def record(self, exchange: Exchange) -> None:
        self._metrics.record(exchange)


class Requests:
    """Presigned requests, and what answers them."""

    def __init__(self, store: Backend) -> None:
        accounts = Accounts(ROOT, [])
        self._app = S3App(
            table=OperationTable(all_operations()),
            authenticator=Authenticator(accounts, AuthOptions()),
            throttle=Throttle(ThrottleOptions()),
            addressing=Addressing(),
            observer=Observer(),  # type: ignore[arg-type]
            services=new_services(store, accounts),
        )
        self._client = boto3.client(
            "s3",
            endpoint_url=f"http://{HOST}",
            region_name="us-east-1",
            aws_access_key_id="ROOT-KEY",
            aws_secret_access_key="root-secret",
            config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
        )

    def signed(self, operation: str, method: str, **params: Any) -> Scope:
        about = {"Bucket": "bucket", **params}
        url = urlsplit(self._client.generate_presigned_url(operation, about, 3600))
        headers = [(b"host", HOST.encode())]
        if method == "PUT":
            length = len(BODY) if "Key" in params else 0
            headers.append((b"content-length", str(length).encode()))
        return {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "raw_path": url.path.encode(),
            "query_string": url.query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "scheme": "http",
        }

    async def repeat(self, scope: Scope, times: int) -> None:
        for _ in range(times):
            await self.send(scope)

    async def send(self, scope: Scope) -> None:
        body = BODY if scope["headers"][-1] == (b"content-length", b"%d" % len(BODY)) else b""
        status = 0

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)

        await self._app(scope, receive, send)
        expected = 206 if scope["headers"][-1][0] == b"range" else 200
        assert status == expected, (scope["raw_path"], status)


class Http:
    """The server's protocol around an application that does nothing: head, answer, next request."""

    def __init__(self) -> None:
        self._wire = Wire(self._answer)
        self._head = f"GET /bucket/object?{'x' * 300} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()

    async def repeat(self, times: int) -> None:
        sent = self._wire.sent.count(b"HTTP/1.1 200")
        for _ in range(times):
            self._wire.receive(self._head)
            await asyncio.sleep(0)
        assert self._wire.sent.count(b"HTTP/1.1 200") == sent + times

    async def _answer(self, _scope: Any, _receive: Any, send: Any) -> None:
        send.begin(200, _HEADERS)
        await send.write(BODY, last=True)


class Reference:
    """Work of the interpreter alone, to compare with: builds of Python differ by a fifth."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}

    def step(self, number: int) -> int:
        name = f"name-{number % 97}"
        self.values[name] = self.values.get(name, 0) + len(name.partition("-")[2])
        return self.values[name]

    def run(self) -> int:
        return sum([self.step(number) for number in range(5000)])


def mark() -> None:
    os.getppid()


async def phases(store: Backend) -> None:
    requests, reference = Requests(store), Reference()
    await requests.send(requests.signed("create_bucket", "PUT"))
    await requests.send(requests.signed("put_object", "PUT", Key="object"))
    for number in range(LISTED):
        await requests.send(requests.signed("put_object", "PUT", Key=f"listed/{number:05}"))
    get = requests.signed("get_object", "GET", Key="object")
    part = {**get, "headers": [*get["headers"], (b"range", b"bytes=1024-3071")]}
    put = requests.signed("put_object", "PUT", Key="put")
    page = requests.signed("list_objects_v2", "GET", Prefix="listed/")
    counts = (PHASES[name] for name in ("get", "range", "put", "list"))
    works = tuple(zip((get, part, put, page), counts, strict=True))
    for scope, _ in works:
        await requests.repeat(scope, 3)
    reference.run()
    mark()
    reference.run()
    mark()
    for scope, times in works:
        await requests.repeat(scope, times)
        mark()
    http = Http()
    await http.repeat(3)
    mark()
    await http.repeat(PHASES["http"])
    mark()


def main() -> None:
    folder = Path(sys.argv[1])
    with local_store([folder], SystemClock(), StoreOptions()) as store:
        asyncio.run(phases(store))


if __name__ == "__main__":
    main()
