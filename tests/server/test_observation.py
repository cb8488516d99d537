"""Metrics, health and logs: in a running server, and what they are made of."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from s3gw.server.health import HealthApp, State
from s3gw.telemetry.access_log import AccessLines, as_json, as_text
from s3gw.telemetry.exchange import MAX_USER_AGENT, Exchange
from s3gw.telemetry.line_writer import LineWriter, LogFile, in_pieces
from s3gw.telemetry.logs import JsonLines, TextLines, choose_style
from s3gw.telemetry.request_id import REQUEST_ID
from tests.server_process import ServerProcess, eventually

EXCHANGE = Exchange(
    request_id="00000000000000FF",
    remote="192.0.2.7",
    method="GET",
    path="/bucket/key",
    operation="GetObject",
    bucket="bucket",
    account="alice",
    status=200,
    bytes_out=4096,
    seconds=0.0012345,
)


def samples(text: bytes) -> dict[str, float]:
    lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_metrics_of_all_workers_add_up(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, workers=2) as server:
        client = server.client()
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="key", Body=b"12345")
        for _ in range(10):
            assert server.get("/bucket/key")[0] == 403
            server.client().get_object(Bucket="bucket", Key="key")["Body"].read()
        assert server.get("/v1/metrics")[0] == 200
        counted = 's3gw_requests_total{{operation="GetObject",status="{}"}}'

        def all_counted() -> dict[str, float]:
            status, text = server.get("/metrics")
            assert status == 200
            found = samples(text)
            are_there = all(found.get(counted.format(each)) == 10 for each in (200, 403))
            return found if are_there else {}

        found = eventually(all_counted, "what the other worker counted")
        assert found['s3gw_request_duration_seconds_count{operation="PutObject"}'] == 1
        assert found["s3gw_received_bytes_total"] == 5
        assert found["s3gw_sent_bytes_total"] > 50
        assert found["s3gw_objects"] == 1
        assert found["s3gw_buckets"] == 1
        assert found["s3gw_stored_bytes"] == 5
        assert found["s3gw_capacity_bytes"] > found["s3gw_free_bytes"] > 0


def test_counters_survive_the_death_of_a_worker(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        server.client().create_bucket(Bucket="bucket")
        name = 's3gw_requests_total{operation="CreateBucket",status="200"}'
        eventually(lambda: name in samples(server.get("/metrics")[1]), "counted")
        (before,) = server.worker_pids()
        server.kill_child(before)
        eventually(lambda: server.health() == 200, "healthy again")
        assert samples(server.get("/metrics")[1])[name] == 1


def test_the_folder_of_the_counters_is_removed(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    with ServerProcess(tmp_path, environment={"TMPDIR": str(tmp_path / "tmp")}) as server:
        assert list((tmp_path / "tmp").iterdir())
        server.stop()
        assert not list((tmp_path / "tmp").iterdir())


def test_each_request_is_a_line_of_json_without_its_query(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        server.get("/bucket/k%C3%A4y?secret=1")
        eventually(lambda: "\n" in server.output, "a line")
        line = json.loads(server.output)
        assert line["path"] == "/bucket/k%C3%A4y"
        assert (line["method"], line["status"], line["error_code"]) == ("GET", 404, "NoSuchBucket")
        assert line["remote"] == "127.0.0.1"
        assert re.fullmatch(r"[0-9A-F]{16}", line["request_id"])


def test_the_access_log_can_be_a_file_or_off(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "file", flags=["--access-log", "access.log"]) as server:
        server.get("/")
        server.stop()
        assert json.loads((server.folder / "access.log").read_text())["path"] == "/"
        assert server.output == ""
    with ServerProcess(tmp_path / "off", flags=["--access-log", "off"]) as server:
        server.get("/")
        server.stop()
        assert server.output == ""


def test_a_file_that_was_moved_away_is_opened_anew(tmp_path: Path) -> None:
    file, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    sink = LogFile(file)
    sink.write(b"one\n")
    file.rename(moved)
    sink.write(b"two\n")
    sink.write(b"three\n")
    sink.close()
    assert (moved.read_text(), file.read_text()) == ("one\n", "two\nthree\n")


class _Remembering:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []

    def write(self, block: bytes) -> None:
        self.blocks.append(block)

    def close(self) -> None:
        self.blocks.append(b"closed")


def test_closing_writes_what_waits() -> None:
    sink = _Remembering()

    async def record() -> None:
        writer = LineWriter(sink, "access log", max_waiting=10, delay_s=60)
        lines = AccessLines(writer, lambda exchange, _: exchange.path.encode() + b"\n")
        lines.record(EXCHANGE)
        lines.record(EXCHANGE)
        await lines.close()

    asyncio.run(record())
    assert sink.blocks == [b"/bucket/key\n/bucket/key\n", b"closed"]


def test_lines_beyond_what_may_wait_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    sink = _Remembering()
    writer = LineWriter(sink, "access log", max_waiting=2, delay_s=60)
    assert [writer.write(b"%d\n" % number) for number in range(5)] == [True, True] + 3 * [False]
    writer.close()
    assert sink.blocks == [b"0\n1\n", b"closed"]
    (record,) = [each for each in caplog.records if each.msg == "access log lines dropped"]
    assert vars(record)["lines"] == 3


def test_a_file_that_rotates_keeps_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "worker-0.log"
    sink = LogFile(file, max_bytes=10)
    for number in range(5):
        sink.write(b"line %d\n" % number)
    sink.close()
    assert file.read_text() == "line 4\n"
    assert (tmp_path / "worker-0.log.1").read_text() == "line 2\nline 3\n"


def test_pieces_are_whole_lines_and_no_longer_than_a_pipe_takes() -> None:
    lines = [b"x" * 1500 + b"\n"] * 7 + [b"y" * 9000 + b"\n"]
    pieces = in_pieces(lines)
    assert b"".join(pieces) == b"".join(lines)
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert [len(piece) for piece in pieces if piece[:1] == b"x"] == [3002, 3002, 3002, 1501]


def test_every_line_that_a_request_causes_has_its_id() -> None:
    """Also those of code that does not know the request."""
    record = logging.LogRecord("storage", logging.ERROR, "", 0, "disk failed", None, None)

    async def within() -> tuple[str, str]:
        REQUEST_ID.set("00000000DEADBEEF")
        return JsonLines().format(record), await asyncio.to_thread(TextLines().format, record)

    as_json_line, as_text_line = asyncio.run(within())
    assert json.loads(as_json_line)["request_id"] == "00000000DEADBEEF"
    assert as_text_line.endswith("disk failed  request_id=00000000DEADBEEF")
    assert "request_id" not in JsonLines().format(record)


def test_a_line_for_programs() -> None:
    line = json.loads(as_json(EXCHANGE, 0.5))
    assert line["time"] == "1970-01-01T00:00:00.500Z"
    assert line["seconds"] == 0.001234
    assert line["operation"] == "GetObject"


def test_a_line_for_people_is_one_line_whatever_the_path() -> None:
    tricky = Exchange("id", "", "GET", "/a\nb\x1b[31m")
    assert as_text(EXCHANGE, 0).decode() == (
        "1970-01-01T00:00:00.000Z 200 GET    /bucket/key  GetObject  0 in, 4096 out, 1.2 ms"
        "  192.0.2.7 00000000000000FF\n"
    )
    line = as_text(tricky, 0)
    assert line.count(b"\n") == 1
    assert b"\x1b" not in line


def test_an_exchange_begins_with_what_the_request_says() -> None:
    scope = {
        "client": None,
        "method": "PUT",
        "headers": [(b"user-agent", b"x" * 1000)],
    }
    exchange = Exchange.begin(scope, b"/b/%20", "id")
    assert (exchange.remote, exchange.path) == ("", "/b/%20")
    assert len(exchange.user_agent) == MAX_USER_AGENT


@pytest.mark.parametrize(
    ("state", "status"), [(s, 200 if s is State.READY else 503) for s in State]
)
def test_health_is_200_only_when_ready(state: State, status: int) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {}

    health = HealthApp()
    assert health.state is State.STARTING
    health.state = state
    asyncio.run(health({"method": "GET"}, receive, send))
    assert sent[0]["status"] == status
    assert json.loads(sent[1]["body"]) == {"status": state.value}


def test_log_lines_carry_fields() -> None:
    record = logging.makeLogRecord(
        {"name": "s3gw.s3.app", "levelname": "ERROR", "msg": "request failed", "created": 0.0}
    )
    record.request_id = "AB"
    record.path = Path("/x")
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["request_id"], line["path"]) == ("request failed", "AB", "/x")
    text = TextLines().format(record)
    assert text == "1970-01-01T00:00:00.000Z error   request failed  request_id=AB  path=/x"


def test_auto_is_text_on_a_terminal_only() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert choose_style("auto", Terminal()) == "text"
    assert choose_style("auto", io.StringIO()) == "json"
    assert choose_style("text", io.StringIO()) == "text"
