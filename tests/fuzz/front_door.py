"""A gateway in memory that fuzzing can ask thousands of times a second, and what must always hold.

No answer is the server's fault, and every refusal is one of S3's documents. `Door` authenticates as
the server does; `open_door` believes whoever says who they are, to reach what lies behind.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Generic, TypeVar
from xml.etree import ElementTree

from s3gw.auth import Authenticator, AuthOptions, Proof
from s3gw.auth.throttle import Throttle
from s3gw.config.auth import ThrottleOptions
from s3gw.http.request import Addressing, Request
from s3gw.identity.accounts import Account, Accounts, Principal
from s3gw.s3.app import S3App
from s3gw.s3.routing import OperationTable
from s3gw.server.operations import all_operations
from storage.backends.memory import MemoryBackend
from storage.values import ListQuery
from tests.asgi import Answer
from tests.s3.gateway import Quiet
from tests.services import new_services
from tests.storage.fake_clock import FakeClock

OWNER = Account("a" * 64, "Owner", "owner@example.com", {"OWNER-KEY": "owner-secret"})
STRANGER = Account("b" * 64, "Stranger", "", {"STRANGER-KEY": "stranger-secret"})
ACCOUNTS = Accounts(Account("root", secrets={"ROOT-KEY": "root-secret"}), [OWNER, STRANGER])
NOW_S = int(time.time())
BUCKET = "private"
BODY = b"nobody else may read this"
_MOST_PIECES = 8
_LONGEST_S = 30
# Refusals that change nothing; failures to authenticate are counted.
_WITHOUT_EFFECT = frozenset((400, 404, 405, 411, 412, 416, 501))

Headers = list[tuple[bytes, bytes]]


class Trusting:
    """Takes the caller's word."""

    async def authenticate(self, request: Request, *, by_form: bool) -> Proof:
        account = request.headers.get("x-account", "")
        return Proof(Principal(account) if account else Principal.anonymous())


class Doorway:
    """An application, and one request at a time for it. What fails outside a request, as in a task
    that was left behind, fails the next one."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self._failures: list[Any] = []

    def request(
        self, method: str, path: bytes, query: bytes = b"", headers: Headers | None = None,
        body: bytes = b"",
    ) -> Answer:  # fmt: skip
        """The answer, after it was found to be one that can be sent."""
        answer = runner().run(self._bounded(method, path, query, headers or [], body))
        assert 200 <= answer.status < 600, answer
        assert not self._failures, self._failures
        assert answer.status not in (500, 502, 504), (method, path, query, headers, body, answer)
        for value in answer.headers.values():
            assert not set(value) & set("\r\n\0"), answer.headers
        return answer

    async def _bounded(
        self, method: str, path: bytes, query: bytes, headers: Headers, body: bytes
    ) -> Answer:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self._failures.append(context))
        async with asyncio.timeout(_LONGEST_S):
            return await self._ask(method, path, query, headers, body)

    async def _ask(
        self, method: str, path: bytes, query: bytes, headers: Headers, body: bytes
    ) -> Answer:
        answer = Answer()
        step = max(1, -(-len(body) // _MOST_PIECES))
        pieces = [body[at : at + step] for at in range(0, len(body), step)] or [b""]

        async def receive() -> Any:
            if not pieces:
                # The client waits for the answer.
                await asyncio.Event().wait()
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                raw = message.get("headers", [])
                answer.headers = {n.decode().lower(): v.decode("latin-1") for n, v in raw}
            answer.body += message.get("body", b"")

        host = [] if any(name == b"host" for name, _ in headers) else [(b"host", b"127.0.0.1")]
        length = (b"content-length", str(len(body)).encode())
        scope = {
            "type": "http", "method": method, "path": path.decode("latin-1"), "raw_path": path,
            "query_string": query, "headers": [*host, *headers, length], "scheme": "http",
            "client": ("192.0.2.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        await self.app(scope, receive, send)
        return answer


D = TypeVar("D", bound="Doorway")


class Spare(Generic[D]):
    """A furnished door for each input: a new one, unless the last one was left as it was. What is
    found with a door is found with a new one too, for only readings and refusals pass."""

    def __init__(self, furnished: Callable[[], D]) -> None:
        self._furnished = furnished
        self._spare: D | None = None

    def take(self) -> D:
        door, self._spare = self._spare or self._furnished(), None
        return door

    def give_back(self, door: D, method: str, status: int) -> None:
        if status in _WITHOUT_EFFECT or (status < 400 and method in ("GET", "HEAD")):
            self._spare = door


class Door(Doorway):
    """S3's."""

    def __init__(self, authenticator: Any = None) -> None:
        options = AuthOptions(clock=FakeClock(NOW_S))
        self._store = MemoryBackend()
        self._s3 = S3App(
            table=_table(),
            authenticator=authenticator or Authenticator(ACCOUNTS, options),
            throttle=Throttle(ThrottleOptions()),
            addressing=Addressing(),
            observer=Quiet(),  # type: ignore[arg-type]
            services=new_services(self._store, ACCOUNTS),
        )
        super().__init__(self._s3)

    def ask(
        self, method: str, path: bytes, query: bytes = b"", headers: Headers | None = None,
        body: bytes = b"",
    ) -> Answer:  # fmt: skip
        """The answer, after it was found to be one that a client can read."""
        answer = self.request(method, path, query, headers, body)
        if answer.status >= 400 and method != "HEAD":
            code = ElementTree.fromstring(answer.body).findtext("Code")
            assert code, answer
            assert code != "InternalError"
        return answer

    def keys(self, bucket: str) -> dict[str, int]:
        """The sizes of all objects, by key."""
        page = runner().run(self._store.list_objects(bucket, ListQuery(limit=1000)))
        return {each.name: each.size for each in page.objects}

    @contextmanager
    def trusting(self) -> Iterator[None]:
        """Meanwhile, whoever says who they are is believed."""
        self._s3._authenticator, real = Trusting(), self._s3._authenticator
        try:
            yield
        finally:
            self._s3._authenticator = real


@cache
def runner() -> asyncio.Runner:
    return asyncio.Runner()


@cache
def _table() -> OperationTable:
    return OperationTable(all_operations())


@cache
def open_door() -> Door:
    """With a bucket and an object of the owner's."""
    door = Door(Trusting())
    furnish(door)
    return door


def furnish(door: Door) -> None:
    as_owner = [(b"x-account", OWNER.account.encode())]
    assert door.ask("PUT", b"/" + BUCKET.encode(), headers=as_owner).status == 200
    answer = door.ask("PUT", f"/{BUCKET}/key".encode(), headers=as_owner, body=BODY)
    assert answer.status == 200


@cache
def closed_door() -> Door:
    """The same behind real authentication."""
    door = Door()
    with door.trusting():
        furnish(door)
    return door
