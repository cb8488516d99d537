"""The server's protocol on a wire of its own: order, refusals, limits of time, blocks, shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from s3gw.server.http1.sweep import BLOCK_BYTES, Sweep
from tests.server.wire import BOUNDS, Recorder, Wire, turns

GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
BAD = b"GET /b HTTP/1.1\r\nHost: h\r\nnot a header\r\n\r\n"
CHUNKED = b"PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


def put(count: int, more: bytes = b"") -> bytes:
    return b"PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n%b\r\n" % (count, more)


def played(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scene())


class Slow:
    """An application that answers when it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = 0

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        self.begun += 1
        await self.go.wait()
        send.begin(200, {"Content-Length": "2"})
        await send.write(b"ok", last=True)


async def answers_early(_scope: Any, _receive: Any, send: Any) -> None:
    send.begin(403, {"Content-Length": "2"})
    await send.write(b"no", last=True)


def test_a_bad_request_does_not_take_the_answer_of_the_one_before_it() -> None:
    async def scene() -> None:
        app = Slow()
        wire = Wire(app)
        await wire.send(GET + GET + BAD + GET)
        assert wire.sent == b""
        app.go.set()
        await turns()
        assert app.begun == 2
        assert wire.sent.count(b"HTTP/1.1 200 OK") == 2
        last = wire.sent.rpartition(b"HTTP/1.1 ")[2]
        assert last.startswith(b"400 Bad Request")
        assert wire.is_over()

    played(scene)


def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    async def scene() -> None:
        recorder = Recorder()
        wire = Wire(recorder)
        await wire.send(put(3) + b"abc" + GET + put(5) + b"12345" + GET)
        assert [seen.body for seen in recorder.seen] == [b"abc", b"", b"12345", b""]
        assert wire.sent.count(b"HTTP/1.1 200") == 4
        assert not wire.is_over()

    played(scene)


def test_many_requests_sent_ahead_are_all_answered() -> None:
    async def scene() -> None:
        wire = Wire(Recorder())
        await wire.send(GET * 3000)
        for _ in range(3000):
            await turns()
            if wire.sent.count(b"HTTP/1.1 200") == 3000:
                break
        assert wire.sent.count(b"HTTP/1.1 200") == 3000

    played(scene)


@pytest.mark.parametrize(
    "line", [b"GET / HTTP/2.0", b"GET / HTTP/0.9", b"GET /", b"GET / HTTP/1.2", b"GET / HTTP/3.0"]
)
def test_other_versions_are_refused(line: bytes) -> None:
    async def scene() -> None:
        recorder = Recorder()
        wire = Wire(recorder)
        await wire.send(line + b"\r\nHost: h\r\n\r\n")
        assert wire.sent.startswith(b"HTTP/1.1 400 ")
        assert wire.is_over()
        assert not recorder.seen

    played(scene)


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: b\r\n", b"Host: a\r\nhost: a\r\n"])
def test_there_is_exactly_one_host(hosts: bytes) -> None:
    async def scene() -> None:
        recorder = Recorder()
        wire = Wire(recorder)
        await wire.send(b"GET / HTTP/1.1\r\nA: b\r\n" + hosts + b"\r\n")
        assert wire.sent.startswith(b"HTTP/1.1 400 ")
        assert b"exactly one Host" in wire.sent
        assert not recorder.seen

    played(scene)


def test_http_1_0_has_one_answer_and_the_end() -> None:
    async def scene() -> None:
        wire = Wire(Recorder())
        await wire.send(b"GET / HTTP/1.0\r\n\r\n" + GET)
        assert wire.sent.count(b"HTTP/1.1 200") == 1
        assert wire.is_over()

    played(scene)


def test_trailers_are_not_headers() -> None:
    async def scene() -> None:
        recorder = Recorder()
        wire = Wire(recorder)
        await wire.send(CHUNKED + b"2\r\nab\r\n0\r\nX-Late: 1\r\nHost: z\r\n\r\n" + GET)
        assert [seen.body for seen in recorder.seen] == [b"ab", b""]
        assert b"x-late" not in dict(recorder.seen[0].headers)

    played(scene)


@pytest.mark.parametrize("endless", [b"a: " + b"b" * 9000, b""])
def test_trailers_and_extensions_of_chunks_are_bounded(endless: bytes) -> None:
    async def scene() -> None:
        recorder = Recorder()
        wire = Wire(recorder)
        start = b"1\r\na\r\n0\r\n" if endless else b"1;x=" + b"y" * 9000
        await wire.send(CHUNKED, start, endless)
        assert recorder.seen[0].lost
        assert wire.sent.startswith(b"HTTP/1.1 400")
        assert wire.is_over()

    played(scene)


def test_a_broken_body_ends_its_own_request_and_the_connection() -> None:
    async def scene() -> None:
        recorder = Recorder()
        wire = Wire(recorder)
        await wire.send(CHUNKED + b"2\r\nab\r\nnot a size\r\n" + GET)
        assert [seen.lost for seen in recorder.seen] == [True]
        assert wire.sent.count(b"HTTP/1.1 ") == 1
        assert wire.is_over()

    played(scene)


def test_go_ahead_is_said_when_the_body_is_asked_for() -> None:
    async def scene() -> None:
        wire = Wire(Recorder())
        await wire.send(put(4, b"Expect: 100-continue\r\n"))
        assert wire.sent == b"HTTP/1.1 100 Continue\r\n\r\n"
        await wire.send(b"body")
        assert wire.sent.endswith(b"\r\n\r\n4")
        assert not wire.is_over()

    played(scene)


def test_go_ahead_is_said_for_an_empty_body_too() -> None:
    """AWS CLI v1 takes a final status in its place for that of its next request as well."""

    async def scene() -> None:
        wire = Wire(Recorder())
        await wire.send(put(0, b"Expect: 100-continue\r\n"))
        assert wire.sent.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
        assert not wire.is_over()

    played(scene)


def test_an_early_answer_to_who_expects_an_empty_body_to_be_asked_for_is_the_last() -> None:
    async def scene() -> None:
        wire = Wire(answers_early)
        await wire.send(put(0, b"Expect: 100-continue\r\n"))
        assert wire.sent.startswith(b"HTTP/1.1 403")
        assert b"Connection: close" in wire.sent
        assert b"100 Continue" not in wire.sent
        assert wire.is_over()

    played(scene)


def test_an_expectation_without_a_body_changes_nothing() -> None:
    async def scene() -> None:
        wire = Wire(Recorder())
        await wire.send(GET.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        assert wire.sent.startswith(b"HTTP/1.1 200 ")
        assert not wire.is_over()

    played(scene)


def test_a_body_that_was_not_asked_for_ends_the_connection() -> None:
    async def scene() -> None:
        wire = Wire(answers_early)
        await wire.send(put(4, b"Expect: 100-continue\r\n"))
        assert wire.sent.startswith(b"HTTP/1.1 403")
        assert b"Connection: close" in wire.sent
        assert wire.is_over()

    played(scene)


def test_the_rest_of_a_short_body_is_waited_for_after_an_early_answer() -> None:
    async def scene() -> None:
        wire = Wire(answers_early)
        await wire.send(put(4) + b"bo", b"dy" + GET)
        assert wire.sent.count(b"HTTP/1.1 403") == 2
        assert not wire.is_over()

    played(scene)


def test_a_connection_lingers_for_the_rest_of_a_long_body() -> None:
    async def scene() -> None:
        wire = Wire(answers_early)
        await wire.send(put(10 << 20) + b"begin")
        assert b"Connection: close" in wire.sent
        assert wire.transport.ended
        await wire.send(b"x" * (1 << 20))
        assert not wire.is_closed()
        await wire.sweep_after(5)
        assert wire.is_closed()
        assert wire.sent.count(b"HTTP/1.1 ") == 1

    played(scene)


@pytest.mark.parametrize("pieces", [1, 7, 1000])
@pytest.mark.parametrize("count", [BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 5, 70_000])
def test_large_bodies_arrive_whole_and_the_next_request_too(count: int, pieces: int) -> None:
    body = (bytes(range(251)) * (count // 251 + 1))[:count]
    stream = put(count) + body + GET + put(2) + b"ab"
    step = len(stream) // pieces + 1

    async def scene() -> None:
        recorder = Recorder()
        wire = Wire(recorder)
        await wire.send(*(stream[at : at + step] for at in range(0, len(stream), step)))
        assert [seen.body for seen in recorder.seen] == [body, b"", b"ab"]
        assert wire.sent.count(b"HTTP/1.1 200") == 3

    played(scene)


def test_a_body_that_is_not_taken_is_not_received_for_ever() -> None:
    async def scene() -> None:
        wire = Wire(Slow())
        await wire.send(put(64 << 20))
        await wire.send(bytes(16 << 20))
        assert wire.transport.paused
        assert len(wire._unread) > 14 << 20

    played(scene)


def test_what_came_of_a_slow_body_is_handed_over_at_a_sweep() -> None:
    async def scene() -> None:
        got: list[bytes] = []

        async def app(_scope: Any, receive: Any, _send: Any) -> None:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                got.append(message["body"])

        wire = Wire(app)
        await wire.send(put(1 << 20), b"few bytes")
        assert got == []
        await wire.sweep_after(1)
        assert got == [b"few bytes"]

    played(scene)


def test_a_sweep_gives_no_request_the_body_of_another() -> None:
    """One that is answered may wait for its client to leave while the next body arrives."""
    body = bytes(range(256)) * 800

    async def scene() -> None:
        got: list[bytes] = []
        go = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["method"] == "GET":
                await receive()
                listening = asyncio.create_task(receive())
                await go.wait()
                got.append(b"GET" if not listening.done() else listening.result()["body"])
                listening.cancel()
            else:
                await Recorder.__call__(recorder, scope, receive, send)
                return
            send.begin(200, {"Content-Length": "0"})
            await send.write(b"", last=True)

        recorder = Recorder()
        wire = Wire(app)
        await wire.send(GET + put(len(body)) + body[:100])
        await wire.sweep_after(1)
        go.set()
        await turns()
        await wire.send(body[100:])
        assert got == [b"GET"]
        assert [seen.body for seen in recorder.seen] == [body]

    played(scene)


def test_limits_of_time() -> None:
    async def scene() -> None:
        idle = Wire(Recorder())
        await idle.send(GET)
        await idle.sweep_after(BOUNDS.idle_s)
        assert not idle.is_over()
        await idle.sweep_after(2)
        assert idle.is_closed()
        slow = Wire(Recorder())
        await slow.send(GET + b"GET /slow HT")
        await slow.sweep_after(BOUNDS.head_s + 2)
        assert b"HTTP/1.1 408 Request Timeout" in slow.sent
        assert slow.is_over()
        unread = Wire(Slow())
        await unread.send(GET)
        unread.connection.pause_writing()
        await unread.sweep_after(BOUNDS.unread_s - 1)
        assert not unread.transport.aborted
        await unread.sweep_after(3)
        assert unread.transport.aborted

    played(scene)


def test_when_many_do_not_read_they_are_let_go_sooner() -> None:
    async def scene() -> None:
        wire = Wire(Slow())
        await wire.send(GET)
        wire.connection.pause_writing()
        await wire.sweep_after(10)
        assert not wire.transport.aborted
        wire.sweep.unread += 1000
        wire.connection.look(wire.sweep.now)
        assert wire.transport.aborted

    played(scene)


def test_an_answer_waits_for_a_client_that_does_not_read() -> None:
    async def scene() -> None:
        written = []

        async def app(_scope: Any, _receive: Any, send: Any) -> None:
            send.begin(200, {"Content-Length": "4"})
            await send.write(b"ab", last=False)
            written.append("ab")
            await send.write(b"cd", last=True)

        wire = Wire(app)
        wire.connection.pause_writing()
        await wire.send(GET)
        assert written == []
        wire.connection.resume_writing()
        await turns()
        assert wire.sent.endswith(b"\r\n\r\nabcd")

    played(scene)


def test_connections_are_counted() -> None:
    async def scene() -> None:
        sweep = Sweep(BOUNDS)
        wires = [Wire(Recorder(), sweep) for _ in range(BOUNDS.connections + 1)]
        assert [wire.transport.aborted for wire in wires] == [False] * BOUNDS.connections + [True]
        wires[0].transport.close()
        await turns()
        assert not Wire(Recorder(), sweep).transport.aborted

    played(scene)


def test_shutdown_lets_requests_end() -> None:
    async def scene() -> None:
        app = Slow()
        idle, busy = Wire(app), Wire(app)
        await busy.send(GET + GET)
        for wire in (idle, busy):
            wire.connection.shutdown()
        await turns()
        assert idle.is_closed()
        assert not busy.is_over()
        app.go.set()
        await turns()
        assert busy.sent.count(b"HTTP/1.1 200") == 1
        assert b"Connection: close" in busy.sent
        assert busy.is_over()
        # What was sent ahead is read and dropped: with unread data, the system resets a connection.
        await busy.send(GET)
        assert not busy.transport.paused
        assert not busy.state.tasks

    played(scene)


def test_a_client_that_leaves_is_seen_by_the_application() -> None:
    async def scene() -> None:
        recorder = Recorder()
        wire = Wire(recorder)
        await wire.send(put(10) + b"abc")
        wire.transport.close()
        await turns()
        assert recorder.seen[0].lost
        assert wire.sent == b""
        assert not wire.state.connections

    played(scene)


def answering(status: int, headers: dict[str, str], *blocks: bytes) -> Any:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        send.begin(status, headers)
        for number, block in enumerate(blocks, 1):
            await send.write(block, last=number == len(blocks))

    return app


def test_a_stream_without_a_length_is_sent_in_chunks() -> None:
    async def scene() -> None:
        wire = Wire(answering(200, {}, b"ab", b"", b"cde"))
        await wire.send(GET + GET)
        assert wire.sent.count(b"Transfer-Encoding: chunked") == 2
        assert wire.sent.endswith(b"\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")

    played(scene)


@pytest.mark.parametrize(
    ("headers", "blocks"),
    [
        ({"Content-Length": "5"}, [b"abc"]),
        ({"Content-Length": "2"}, [b"abc"]),
        ({"Content-Length": "9"}, [b"abc", b"de"]),
        ({"X": "a\r\nSet-Cookie: b"}, [b""]),
        ({"X": "a\nb"}, [b""]),
        ({"X\0": "a"}, [b""]),
    ],
)
def test_an_answer_that_is_not_http_ends_the_connection(
    headers: dict[str, str], blocks: list[bytes]
) -> None:
    async def scene() -> None:
        wire = Wire(answering(200, headers, *blocks))
        await wire.send(GET + GET)
        assert wire.is_over()
        assert b"Set-Cookie" not in wire.sent
        assert wire.sent.count(b"HTTP/1.1 ") <= 1

    played(scene)


def test_an_application_that_fails_is_an_internal_error() -> None:
    async def fails(_scope: Any, _receive: Any, _send: Any) -> None:
        raise KeyError("secret")

    async def scene() -> None:
        wire = Wire(fails)
        await wire.send(GET)
        assert wire.sent.startswith(b"HTTP/1.1 500 ")
        assert b"<Code>InternalError</Code>" in wire.sent
        assert b"secret" not in wire.sent
        assert wire.is_over()

    played(scene)


def test_an_upgrade_is_answered_in_http_1_and_ends_the_connection() -> None:
    async def scene() -> None:
        recorder = Recorder()
        wire = Wire(recorder)
        await wire.send(
            b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + GET
        )
        assert len(recorder.seen) == 1
        assert wire.sent.count(b"HTTP/1.1 200") == 1
        assert wire.is_over()

    played(scene)


def test_a_head_answer_has_a_length_and_no_body() -> None:
    async def scene() -> None:
        wire = Wire(Recorder())
        await wire.send(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert b"Content-Length: 1\r\n" in wire.sent
        assert wire.sent.endswith(b"\r\n\r\n")

    played(scene)
