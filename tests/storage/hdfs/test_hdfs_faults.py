"""What goes wrong in front of HDFS: a reader has the whole object or an error, a writer too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from storage.backends.hdfs import HdfsBackend
from storage.errors import (
    AddressRefused,
    BackendDenied,
    BackendError,
    BackendUnavailable,
    NotSupported,
    ObjectChanged,
    OutOfSpace,
    StorageError,
)
from storage.ranges import Between
from storage.values import BucketOptions, ListQuery, ReadOptions
from tests.storage.bodies import body_of, broken_body, content_of, gated_body, pattern
from tests.storage.contract_objects import RICH
from tests.storage.digests import Refused as BodyRefused
from tests.storage.event_loop import run
from tests.storage.hdfs.web_hdfs import (
    DATANODE,
    NAMENODE,
    Asked,
    Refused,
    WebHdfs,
    breaking,
)
from tests.storage.sync_bucket import put_options

CONTENT = pattern(500_000)
OTHER = pattern(500_000, seed=1)

Use = Callable[[HdfsBackend, WebHdfs], Awaitable[Any]]


def against(use: Use, *, httpfs: bool = False, **options: Any) -> Any:
    """What `use` returns, with an HDFS that has the file `/b/a`."""

    async def act() -> Any:
        async with WebHdfs(httpfs=httpfs) as hdfs:
            hdfs.put("/b/a", CONTENT)
            async with HdfsBackend(hdfs.options(**options)) as backend:
                return await use(backend, hdfs)

    return run(act())


async def read(backend: HdfsBackend, hdfs: WebHdfs) -> bytes:
    return await content_of(await backend.get_object("b", "a"))


async def write(backend: HdfsBackend, hdfs: WebHdfs) -> Any:
    return await backend.put_object("b", "d/new", body_of(CONTENT), put_options())


def test_a_body_that_breaks_off_goes_on_at_the_next_byte() -> None:
    offsets: list[int] = []

    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> bytes:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if (asked.at, asked.op) != (DATANODE, "OPEN"):
                return None
            offsets.append(int(asked.query["offset"]))
            rest = CONTENT[offsets[-1] :]
            return await breaking(request, rest, 200_000) if len(offsets) < 3 else None

        hdfs.interfere = interfere
        return await read(backend, hdfs)

    assert against(use) == CONTENT
    assert offsets[0] == 0
    assert 0 < offsets[1] <= 200_000
    assert len(offsets) == 3


def test_a_body_that_keeps_breaking_off_is_an_error() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> bytes:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if asked.at == DATANODE:
                return await breaking(request, CONTENT[int(asked.query["offset"]) :], 70_000)
            return None

        hdfs.interfere = interfere
        return await read(backend, hdfs)

    with pytest.raises(BackendUnavailable):
        against(use)


def test_a_file_that_is_replaced_while_it_is_read_is_an_error() -> None:
    """Though all bytes come, in one answer: they may be of both."""

    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if asked.at == DATANODE:
                hdfs.put("/b/a", OTHER)
            return None

        hdfs.interfere = interfere
        reading = await backend.get_object("b", "a")
        with pytest.raises(ObjectChanged):
            await content_of(reading)

    against(use)


def test_a_file_that_is_replaced_between_the_look_and_the_read_is_read_anew() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> bytes:
        hdfs.put("/b/a", b"first")
        replacing = True

        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            nonlocal replacing
            if asked.at == DATANODE and replacing:
                replacing = False
                hdfs.put("/b/a", b"second")
            return None

        hdfs.interfere = interfere
        reading = await backend.get_object("b", "a")
        assert reading.info.size == 6
        return await content_of(reading)

    assert against(use) == b"second"


def test_ranges_of_a_file_that_was_replaced_between_them_are_of_different_objects() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> tuple[str, str]:
        first = await backend.get_object("b", "a", ReadOptions(Between(0, 10)))
        hdfs.put("/b/a", OTHER)
        second = await backend.get_object("b", "a", ReadOptions(Between(10, 20)))
        return first.info.etag, second.info.etag

    first, second = against(use)
    assert first != second


def test_a_datanode_with_another_length_is_not_believed() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            return web.Response(body=CONTENT[:-1]) if asked.at == DATANODE else None

        hdfs.interfere = interfere
        await read(backend, hdfs)

    with pytest.raises(ObjectChanged):
        against(use)


def test_slow_bytes_are_an_error_in_time() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        released = asyncio.Event()

        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if asked.at != DATANODE:
                return None
            answer = web.StreamResponse(headers={"Content-Length": str(len(CONTENT))})
            await answer.prepare(request)
            await answer.write(CONTENT[:100_000])
            await released.wait()
            return answer

        hdfs.interfere = interfere
        reading = await backend.get_object("b", "a")
        try:
            with pytest.raises(BackendUnavailable, match="TimeoutError"):
                await content_of(reading)
        finally:
            released.set()

    against(use, read_timeout_s=0.3)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_namenode_is_asked_again(status: int) -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> tuple[bytes, int]:
        refusals = 0

        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            nonlocal refusals
            if asked.at == NAMENODE and refusals < 3:
                refusals += 1
                return web.Response(status=status)
            return None

        hdfs.interfere = interfere
        return await read(backend, hdfs), refusals

    assert against(use) == (CONTENT, 3)


@pytest.mark.parametrize("status", [429, 503])
def test_a_namenode_that_stays_busy_is_unavailable(status: int) -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            return web.Response(status=status)

        hdfs.interfere = interfere
        await read(backend, hdfs)

    with pytest.raises(BackendUnavailable, match=str(status)):
        against(use)


async def _nothing_left(backend: HdfsBackend, hdfs: WebHdfs) -> None:
    assert hdfs.files() == ["/b/a"]
    assert sorted(hdfs.nodes) == ["/", "/b", "/b/a"]


@pytest.mark.parametrize("op", ["CREATE", "SETXATTR", "RENAME"])
def test_a_write_that_fails_at_any_step_leaves_nothing(op: str) -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if asked.op == op and (asked.at == DATANODE or op != "CREATE"):
                if op == "CREATE":
                    await request.content.readany()
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            return None

        hdfs.interfere = interfere
        said = put_options(attributes=RICH)
        with pytest.raises(StorageError):
            await backend.put_object("b", "d/new", body_of(CONTENT), said)
        hdfs.interfere = _never
        await _nothing_left(backend, hdfs)

    against(use)


def test_a_body_that_breaks_leaves_nothing() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        with pytest.raises(BodyRefused):
            await backend.put_object("b", "d/e/new", broken_body(CONTENT), put_options())
        await _nothing_left(backend, hdfs)

    against(use)


def test_a_cancelled_write_leaves_nothing_and_shows_nothing() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        begun, gate = asyncio.Event(), asyncio.Event()
        body = gated_body(CONTENT, begun, gate)
        put = asyncio.ensure_future(backend.put_object("b", "d/new", body, put_options()))
        await begun.wait()
        (unfinished,) = (path for path in hdfs.files() if path != "/b/a")
        assert unfinished.startswith("/b/d/.s3gw-")
        page = await backend.list_objects("b", ListQuery())
        assert [info.name for info in page.objects] == ["a"]
        put.cancel()
        with pytest.raises(asyncio.CancelledError):
            await put
        await _nothing_left(backend, hdfs)

    against(use)


def test_a_rename_whose_answer_is_lost_was_done() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> bytes:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if asked.op == "RENAME":
                await hdfs._rename(asked, request)
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            return None

        hdfs.interfere = interfere
        await write(backend, hdfs)
        assert hdfs.files() == ["/b/a", "/b/d/new"]
        return await content_of(await backend.get_object("b", "d/new"))

    assert against(use) == CONTENT


def test_a_datanode_that_lost_bytes_is_noticed() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if (asked.at, asked.op) == (DATANODE, "CREATE"):
                await request.read()
                hdfs.put(asked.path, CONTENT[:-1])
                return web.Response(status=201)
            return None

        hdfs.interfere = interfere
        with pytest.raises(BackendUnavailable, match="IncompleteBody"):
            await write(backend, hdfs)
        await _nothing_left(backend, hdfs)

    against(use)


def test_the_reason_of_a_datanode_that_closes_is_found() -> None:
    """Its answer may get lost when it closes the connection before it has read all."""

    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        creations = 0

        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            nonlocal creations
            if (asked.at, asked.op) != (DATANODE, "CREATE"):
                return None
            creations += 1
            if creations == 1:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            raise Refused("AccessControlException", "Permission denied: user=tester")

        hdfs.interfere = interfere
        await write(backend, hdfs)

    with pytest.raises(BackendDenied, match="Permission denied"):
        against(use)


def test_a_write_is_not_sent_twice() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> int:
        sent = 0

        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            nonlocal sent
            if (asked.at, asked.op) == (DATANODE, "CREATE"):
                content = await request.read()
                sent += bool(content)
                return web.Response(status=503)
            return None

        hdfs.interfere = interfere
        with pytest.raises(BackendUnavailable):
            await write(backend, hdfs)
        return sent

    assert against(use) == 1


def test_a_datanode_that_is_down_is_named_to_the_namenode() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> bytes:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if asked.op == "OPEN" and "excludedatanodes" not in asked.query:
                # Nothing listens on the lowest port.
                target = f"http://127.0.0.1:1{request.raw_path}"
                return web.Response(status=307, headers={"Location": target})
            return None

        hdfs.interfere = interfere
        content = await read(backend, hdfs)
        named = [asked.query.get("excludedatanodes") for asked in hdfs.asked if asked.op == "OPEN"]
        assert named[0] is None
        assert set(named[1:]) == {"127.0.0.1"}
        return content

    assert against(use) == CONTENT


def test_a_standby_namenode_passes_the_request_on_to_the_active_one() -> None:
    async def act() -> tuple[bytes, list[str]]:
        async def stands_by(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            raise Refused(
                "StandbyException", "Operation category READ is not supported in state standby"
            )

        async with WebHdfs() as standby, WebHdfs() as active:
            standby.interfere = stands_by
            active.put("/b/a", CONTENT)
            namenodes = (standby.endpoint, active.endpoint)
            async with HdfsBackend(active.options(namenodes=namenodes)) as backend:
                await backend.put_object("b", "new", body_of(CONTENT), put_options())
                content = await content_of(await backend.get_object("b", "new"))
            return content, [asked.op for asked in standby.asked]

    content, asked = run(act())
    assert content == CONTENT
    # The active one is remembered.
    assert len(asked) == 1


def test_a_namenode_that_is_down_is_passed_over() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> bytes:
        namenodes = ("http://127.0.0.1:1", hdfs.endpoint)
        async with HdfsBackend(hdfs.options(namenodes=namenodes)) as both:
            await write(both, hdfs)
            return await read(both, hdfs)

    assert against(use) == CONTENT


def test_an_hdfs_that_is_down_is_unavailable() -> None:
    with pytest.raises(BackendUnavailable, match="ClientConnectorError"):
        against(read, namenodes=("http://127.0.0.1:1",))


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("AccessControlException", 403, BackendDenied),
        ("InvalidToken", 403, BackendDenied),
        ("SafeModeException", 403, BackendUnavailable),
        ("DSQuotaExceededException", 403, OutOfSpace),
        ("UnsupportedOperationException", 400, NotSupported),
        ("SomethingElse", 403, BackendError),
    ],
)
def test_refusals_are_those_of_storage(
    name: str, status: int, expected: type[StorageError]
) -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if asked.op == "CREATE":
                raise Refused(name, "says why", status)
            return None

        hdfs.interfere = interfere
        with pytest.raises(expected) as raised:
            await write(backend, hdfs)
        assert type(raised.value) is expected
        await _nothing_left(backend, hdfs)

    against(use)


def test_an_expired_token_is_denied_and_not_told() -> None:
    token = "a-token-that-nobody-sees"

    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> str:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            assert asked.query["delegation"] == token
            assert "user.name" not in asked.query
            raise Refused("InvalidToken", "token is expired")

        hdfs.interfere = interfere
        with pytest.raises(BackendDenied, match="token is expired") as denied:
            await read(backend, hdfs)
        return f"{denied.value} {backend.options!r}"

    assert token not in against(use, token=token)


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/webhdfs/v1/b/a?op=OPEN",
        "http://[fe80::1]/webhdfs/v1/b/a?op=OPEN",
        "http://127.0.0.1:1/latest/meta-data",
        "ftp://127.0.0.1/webhdfs/v1/b/a",
        "http://user@127.0.0.1:1/webhdfs/v1/b/a",
        "/elsewhere",
        "http://[::1/webhdfs/v1/b/a",
    ],
)
def test_a_redirect_elsewhere_is_not_followed(target: str) -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if asked.op == "OPEN":
                return web.Response(status=307, headers={"Location": target})
            return None

        hdfs.interfere = interfere
        await read(backend, hdfs)

    with pytest.raises(AddressRefused, match="redirects"):
        against(use)


def test_datanodes_are_those_that_are_configured() -> None:
    with pytest.raises(AddressRefused, match="may not be a datanode"):
        against(read, datanodes=("10.0.0.0/8", "*.example.com"))
    assert against(read, datanodes=("127.0.0.0/8",)) == CONTENT


def test_the_names_of_datanodes_are_resolved_once_and_checked() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> bytes:
        port = hdfs.datanode.rpartition(":")[2]

        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if asked.at == NAMENODE and asked.op == "OPEN":
                target = f"http://localhost:{port}{request.raw_path}"
                return web.Response(status=307, headers={"Location": target})
            return None

        hdfs.interfere = interfere
        return await read(backend, hdfs)

    assert against(use, datanodes=("localhost",)) == CONTENT
    assert against(use, datanodes=("127.0.0.0/8", "::1/128")) == CONTENT
    with pytest.raises(BackendUnavailable):
        against(use, datanodes=("10.0.0.0/8",))


def test_what_is_not_webhdfs_is_not_taken_for_a_missing_object() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            return web.Response(status=404, text="<html>not here</html>")

        hdfs.interfere = interfere
        await read(backend, hdfs)

    with pytest.raises(BackendError, match="not an answer of WebHDFS"):
        against(use)


def test_an_answer_that_is_not_json_is_an_error() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            return web.Response(text="<html>log in</html>")

        hdfs.interfere = interfere
        await read(backend, hdfs)

    with pytest.raises(BackendError, match="InvalidResponse"):
        against(use)


def test_without_extended_attributes_objects_have_no_metadata() -> None:
    switched_off = "Support for XAttrs is disabled: dfs.namenode.xattrs.enabled is false"

    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> bytes:
        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if "XATTR" in asked.op:
                raise Refused("IOException", switched_off)
            return None

        hdfs.interfere = interfere
        await write(backend, hdfs)
        with pytest.raises(NotSupported, match="metadata of objects"):
            await backend.put_object("b", "rich", body_of(b"x"), put_options(attributes=RICH))
        return await content_of(await backend.get_object("b", "d/new"))

    assert against(use) == CONTENT


def test_behind_httpfs_an_object_is_replaced_in_three_steps() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> tuple[bytes, list[str]]:
        await backend.put_object("b", "a", body_of(OTHER), put_options())
        content = await read(backend, hdfs)
        return content, hdfs.files()

    assert against(use, httpfs=True) == (OTHER, ["/b/a"])


def test_behind_httpfs_a_replacement_that_fails_leaves_the_old_object() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> tuple[bytes, list[str]]:
        renames: list[str] = []

        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if asked.op == "RENAME":
                renames.append(asked.path)
                if len(renames) == 3:
                    raise Refused("IOException", "no")
            return None

        hdfs.interfere = interfere
        with pytest.raises(BackendError):
            await backend.put_object("b", "a", body_of(OTHER), put_options())
        return await read(backend, hdfs), hdfs.files()

    assert against(use, httpfs=True) == (CONTENT, ["/b/a"])


def test_a_server_without_an_address_says_what_is_missing() -> None:
    with pytest.raises(BackendDenied, match="AIS_HDFS_URL"):
        against(read, namenodes=())


def test_connections_to_the_namenode_are_kept() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> int:
        ports: set[object] = set()

        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            assert request.transport is not None
            ports.add(request.transport.get_extra_info("peername"))
            return None

        hdfs.interfere = interfere
        for _ in range(5):
            await read(backend, hdfs)
        return len(ports)

    # One to the namenode and one to the datanode.
    assert against(use) == 2


def test_a_bucket_is_not_made_again_by_a_write_that_comes_late() -> None:
    async def use(backend: HdfsBackend, hdfs: WebHdfs) -> None:
        await backend.create_bucket("new", BucketOptions(""))

        async def interfere(asked: Asked, request: web.Request) -> web.StreamResponse | None:
            if asked.op == "CREATE" and asked.at == NAMENODE:
                hdfs.nodes.pop("/new", None)
            return None

        hdfs.interfere = interfere
        with pytest.raises(StorageError):
            await backend.put_object("new", "a", body_of(b"x"), put_options())
        assert "/new" not in hdfs.nodes

    against(use)


async def _never(asked: Asked, request: web.Request) -> web.StreamResponse | None:
    return None
