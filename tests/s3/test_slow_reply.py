"""Answers that begin before the work is done."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest

from s3gw.http.request import AuthenticatedRequest
from s3gw.http.site import Site
from s3gw.identity.accounts import Accounts, Principal
from s3gw.s3.slow_reply import slow_body
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document
from storage.backends.memory import MemoryBackend
from storage.errors import ObjectNotFound
from tests.s3.gateway import ROOT


@document("Result")
@dataclass(frozen=True, slots=True)
class Result:
    key: str


async def _nothing() -> Any:
    return
    yield


def call() -> AuthenticatedRequest:
    return AuthenticatedRequest(
        method="PUT",
        raw_path=b"/b/k",
        query_string=b"",
        headers={},
        body=_nothing(),
        request_id="request-id",
        caller=Principal.anonymous(),
        store=MemoryBackend(),
        site=Site("us-east-1", "here", Accounts(ROOT)),
    )


def outcome(work: Any) -> bytes:
    async def gather() -> bytes:
        return b"".join([piece async for piece in slow_body(call(), work, 60)])

    return asyncio.run(gather())


def test_white_space_keeps_the_connection_until_the_result_is_there() -> None:
    async def run() -> list[bytes]:
        go = asyncio.Event()

        async def work() -> Result:
            await go.wait()
            return Result("k")

        pieces = []
        async for piece in slow_body(call(), work, 0):
            pieces.append(piece)
            if len(pieces) == 4:
                go.set()
        return pieces

    pieces = asyncio.run(run())
    assert pieces[0].startswith(b"<?xml")
    assert set(pieces[1:-1]) == {b" "}
    root = ElementTree.fromstring(b"".join(pieces))
    assert root.tag.endswith("Result")
    assert root[0].text == "k"


@pytest.mark.parametrize(
    ("error", "code"),
    [(S3Error(Code.BadDigest), "BadDigest"), (ObjectNotFound("k"), "NoSuchKey")],
)
def test_an_error_after_the_status_stands_in_the_body(error: Exception, code: str) -> None:
    async def work() -> Result:
        raise error

    root = ElementTree.fromstring(outcome(work))
    assert (root.tag, root.findtext("Code")) == ("Error", code)
    assert root.findtext("RequestId") == "request-id"


def test_an_error_of_ours_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> Result:
        raise RuntimeError("surprise")

    with caplog.at_level(logging.ERROR):
        root = ElementTree.fromstring(outcome(work))
    assert root.findtext("Code") == "InternalError"
    assert "surprise" in caplog.text
    assert b"surprise" not in outcome(work)


def test_a_client_that_leaves_ends_the_work() -> None:
    async def run() -> bool:
        stopped = asyncio.Event()

        async def work() -> Result:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
            return Result("never")

        body = slow_body(call(), work, 0)
        await anext(body)
        await anext(body)
        await body.aclose()
        return stopped.is_set()

    assert asyncio.run(run())
