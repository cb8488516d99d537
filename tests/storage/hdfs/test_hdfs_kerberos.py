"""Hadoop's HTTP authentication, with a stand-in for the library that gets tickets.

There is no Kerberos here: what is tried is the exchange of headers with the namenode.
"""

from __future__ import annotations

import asyncio
import sys
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from storage.backends.hdfs import HdfsBackend
from storage.errors import BackendDenied
from tests.storage.bodies import body_of, content_of
from tests.storage.event_loop import run
from tests.storage.hdfs.web_hdfs import DATANODE, NAMENODE, Asked, WebHdfs
from tests.storage.sync_bucket import put_options

CONTENT = b"content"
TICKET, PROOF = b"a-ticket-that-nobody-sees", b"proof"


class GSSError(Exception):
    """As gssapi's."""


class _Context:
    """A security context that has a ticket for one host."""

    def __init__(self, *, name: str, mech: str, usage: str) -> None:
        assert (name, usage) == ("HTTP@127.0.0.1", "initiate")
        self._steps = 0

    def step(self, token: bytes | None) -> bytes | None:
        self._steps += 1
        if self._steps == 1:
            return TICKET
        if token != PROOF:
            raise GSSError("HTTP/other@EXAMPLE.COM")
        return None


def stand_in(context: Any = _Context) -> Any:
    """What of gssapi is used."""
    return SimpleNamespace(
        Name=lambda text, kind: text,
        NameType=SimpleNamespace(hostbased_service="service"),
        OID=SimpleNamespace(from_int_seq=lambda text: text),
        SecurityContext=context,
        exceptions=SimpleNamespace(GSSError=GSSError),
    )


class Kdc:
    """A namenode that wants a ticket, or the cookie that it gave for one."""

    def __init__(self, hdfs: WebHdfs, proof: bytes = PROOF) -> None:
        self.hdfs = hdfs
        self.proof = proof
        self.tickets = 0
        self.cookie = ""
        hdfs.interfere = self.interfere

    async def interfere(self, asked: Asked, request: web.Request) -> web.StreamResponse | None:
        if asked.at == DATANODE:
            assert "cookie" not in asked.headers
            assert "authorization" not in asked.headers
            return None
        if self.cookie and asked.headers.get("cookie") == self.cookie:
            return None
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        if scheme != "Negotiate":
            headers = {"WWW-Authenticate": "Negotiate", "Set-Cookie": "hadoop.auth=; Path=/"}
            return web.Response(status=401, headers=headers)
        assert b64decode(token) == TICKET
        assert "user.name" not in asked.query
        self.tickets += 1
        self.cookie = f'hadoop.auth="u=s3gw&t=kerberos&e={self.tickets}&s=signature="'
        answer = await getattr(self.hdfs, f"_{asked.op.lower()}")(asked, request)
        answer.headers["WWW-Authenticate"] = f"Negotiate {b64encode(self.proof).decode()}"
        answer.headers["Set-Cookie"] = f"{self.cookie}; Path=/; HttpOnly"
        assert isinstance(answer, web.Response)
        return answer


Use = Callable[[HdfsBackend, WebHdfs], Awaitable[Any]]


def secured(use: Use, *, httpfs: bool = False, **options: Any) -> Any:
    async def act() -> Any:
        async with WebHdfs(httpfs=httpfs) as hdfs:
            hdfs.put("/b/a", CONTENT)
            async with HdfsBackend(hdfs.options(**options)) as backend:
                return await use(backend, hdfs)

    return run(act())


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", stand_in())


async def read(backend: HdfsBackend) -> bytes:
    return await content_of(await backend.get_object("b", "a"))


@pytest.mark.parametrize("httpfs", [False, True])
@pytest.mark.parametrize("said", [False, True])
def test_a_ticket_is_sent_once_and_then_the_cookie(httpfs: bool, said: bool) -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> tuple[bytes, int]:
        kdc = Kdc(hdfs)
        await backend.put_object("b", "a", body_of(CONTENT), put_options())
        return await read(backend), kdc.tickets

    assert secured(use, httpfs=httpfs, kerberos=said) == (CONTENT, 1)


def test_many_requests_at_once_send_one_ticket() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> int:
        kdc = Kdc(hdfs)
        assert await asyncio.gather(*(read(backend) for _ in range(20))) == [CONTENT] * 20
        return kdc.tickets

    assert secured(use) == 1


def test_when_the_cookie_has_expired_another_ticket_is_sent() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> int:
        kdc = Kdc(hdfs)
        await read(backend)
        kdc.cookie = "hadoop.auth=another"
        assert await read(backend) == CONTENT
        return kdc.tickets

    assert secured(use) == 2


def test_a_namenode_that_does_not_prove_itself_is_not_believed() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        Kdc(hdfs, proof=b"another")
        await read(backend)

    with pytest.raises(BackendDenied, match="does not prove itself"):
        secured(use)


def test_a_ticket_that_is_refused_is_denied() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> int:
        asked_for = 0

        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            nonlocal asked_for
            asked_for += 1
            return web.Response(status=401, headers={"WWW-Authenticate": "Negotiate"})

        hdfs.interfere = interfere
        with pytest.raises(BackendDenied, match="401") as denied:
            await read(backend)
        assert TICKET.decode() not in str(denied.value)
        return asked_for

    assert secured(use) == 2


def test_without_the_library_an_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", None)

    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        Kdc(hdfs)
        await read(backend)

    with pytest.raises(BackendDenied, match=r"s3gw\[kerberos\]"):
        secured(use)


def test_without_a_ticket_an_error_says_what_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_credentials(**_: object) -> None:
        raise GSSError("No Kerberos credentials for s3gw@EXAMPLE.COM in /tmp/krb5cc_1000")

    monkeypatch.setitem(sys.modules, "gssapi", stand_in(no_credentials))

    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        Kdc(hdfs)
        await read(backend)

    with pytest.raises(BackendDenied, match="check kinit") as denied:
        secured(use)
    assert "EXAMPLE.COM" not in str(denied.value)


def test_with_a_token_no_ticket_is_sent() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        Kdc(hdfs)
        await read(backend)

    with pytest.raises(BackendDenied, match="401"):
        secured(use, token="a-token")


def test_the_name_of_the_user_is_sent_where_there_is_no_security() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> set[str]:
        await read(backend)
        return {asked.query["user.name"] for asked in hdfs.asked if asked.at == NAMENODE}

    assert secured(use, user="ann") == {"ann"}
