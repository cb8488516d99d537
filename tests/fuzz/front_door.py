"""A gateway in memory that fuzzing can ask thousands of times a second, and what must always hold.

No answer is the server's fault, and every refusal is one of S3's documents. `Door` authenticates as
the server does; `open_door` believes whoever says who they are, to reach what lies behind.
"""

from __future__ import annotations

import asyncio
import time
from functools import cache
from typing import Any
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
NOW_S = int(time.time())
BUCKET = "private"
BODY = b"nobody else may read this"
_MOST_PIECES = 8

Headers = list[tuple[bytes, bytes]]


class Trusting:
    """Takes the caller's word."""

    async def authenticate(self, request: Request, *, by_form: bool) -> Proof:
        account = request.headers.get("x-account", "")
        return Proof(Principal(account) if account else Principal.anonymous())


class Door:
    def __init__(self, authenticator: Any = None) -> None:
        accounts = Accounts(Account("root", secrets={"ROOT-KEY": "root-secret"}), [OWNER, STRANGER])
        options = AuthOptions(clock=FakeClock(NOW_S))
        self._runner = asyncio.Runner()
        self._store = MemoryBackend()
        self._app = S3App(
            table=OperationTable(all_operations()),
            authenticator=authenticator or Authenticator(accounts, options),
            throttle=Throttle(ThrottleOptions()),
            addressing=Addressing(),
            observer=Quiet(),  # type: ignore[arg-type]
            services=new_services(self._store, accounts),
        )

    def ask(
        self, method: str, path: bytes, query: bytes = b"", headers: Headers | None = None,
        body: bytes = b"",
    ) -> Answer:  # fmt: skip
        """The answer, after it was found to be one that a client can read."""
        answer = self._runner.run(self._ask(method, path, query, headers or [], body))
        assert 200 <= answer.status < 600, answer
        assert answer.status not in (500, 502, 504), (method, path, query, headers, body, answer)
        if answer.status >= 400 and method != "HEAD":
            code = ElementTree.fromstring(answer.body).findtext("Code")
            assert code, answer
            assert code != "InternalError"
        return answer

    def keys(self, bucket: str) -> dict[str, int]:
        """The sizes of all objects, by key."""
        page = self._runner.run(self._store.list_objects(bucket, ListQuery(limit=1000)))
        return {each.name: each.size for each in page.objects}

    async def _ask(
        self, method: str, path: bytes, query: bytes, headers: Headers, body: bytes
    ) -> Answer:
        answer = Answer()
        step = max(1, -(-len(body) // _MOST_PIECES))
        pieces = [body[at : at + step] for at in range(0, len(body), step)] or [b""]

        async def receive() -> Any:
            if not pieces:
                return {"type": "http.disconnect"}
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
            answer.body += message.get("body", b"")

        host = (b"host", b"127.0.0.1")
        length = (b"content-length", str(len(body)).encode())
        scope = {
            "type": "http", "method": method, "path": path.decode("latin-1"), "raw_path": path,
            "query_string": query, "headers": [host, *headers, length], "scheme": "http",
            "client": ("192.0.2.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        await self._app(scope, receive, send)
        return answer


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
    furnished = Trusting()
    door._app._authenticator, real = furnished, door._app._authenticator
    furnish(door)
    door._app._authenticator = real
    return door
