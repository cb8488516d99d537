"""The whole program: its processes, their beginning, their deaths and their end."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from s3gw.server.supervisor import Pauses
from tests.server_process import (
    ACCESS_KEY,
    SECRET_KEY,
    START_S,
    ServerProcess,
    eventually,
    is_alive,
)

HALF = 1000


def test_sigterm_ends_every_process(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, workers=2) as server:
        children = server.children()
        assert set(children) == {"maintenance", "worker-0", "worker-1"}
        assert server.stop() == 0
        assert not any(map(is_alive, children.values()))


def test_ctrl_c_ends_it_too(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        for pid in (*server.children().values(), server.pid):
            os.kill(pid, signal.SIGINT)
        assert server.running.wait(START_S) == 0
        assert "process died" not in server.errors


def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        server.client().create_bucket(Bucket="bucket")
        server.client().put_object(Bucket="bucket", Key="key", Body=b"body")
        server.restart()
        assert server.client().get_object(Bucket="bucket", Key="key")["Body"].read() == b"body"


def test_a_killed_worker_is_replaced_and_serves_again(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        (before,) = server.worker_pids()
        os.kill(before, signal.SIGKILL)
        eventually(lambda: server.worker_pids() not in ([], [before]), "another worker")
        eventually(lambda: server.health() == 200, "healthy again")
        server.client().create_bucket(Bucket="bucket")
        assert "process died and is started again" in server.errors


def test_the_others_serve_while_a_worker_is_replaced(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, workers=2) as server:
        before = server.worker_pids()
        server.kill_child(before[0])
        statuses = {server.health() for _ in range(20)}
        assert statuses == {200}


def test_the_house_keeper_is_replaced_too(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        before = server.children()["maintenance"]
        os.kill(before, signal.SIGKILL)
        eventually(lambda: server.children().get("maintenance", before) != before, "another one")
        assert server.stop() == 0


def test_workers_die_with_their_supervisor_and_the_next_one_starts_at_once(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, workers=2) as server:
        children = server.children()
        server.running.kill()
        server.running.wait()
        server.start()
        assert not any(map(is_alive, children.values()))


def test_a_request_in_flight_is_finished_before_the_end(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, flags=["--no-auth"]) as server:
        server.client().create_bucket(Bucket="bucket")
        with _begin_put(server) as upload:
            (worker,) = server.worker_pids()
            server.running.send_signal(signal.SIGTERM)
            eventually(lambda: server.health() == 0, "no more connections")
            assert is_alive(worker)
            upload.sendall(b"b" * HALF)
            assert upload.recv(4096).startswith(b"HTTP/1.1 200")
        assert server.running.wait(START_S) == 0
        server.start()
        stored = server.client().get_object(Bucket="bucket", Key="key")["Body"].read()
        assert stored == b"a" * HALF + b"b" * HALF


def test_a_request_that_takes_too_long_does_not_hold_up_the_end(tmp_path: Path) -> None:
    flags = ["--no-auth", "--shutdown-timeout", "0.2"]
    with ServerProcess(tmp_path, flags=flags) as server:
        server.client().create_bucket(Bucket="bucket")
        with _begin_put(server):
            assert server.stop() == 0
        server.start()
        with pytest.raises(ClientError, match="404"):
            server.client().head_object(Bucket="bucket", Key="key")


def test_the_second_signal_kills(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, flags=["--no-auth"]) as server:
        server.client().create_bucket(Bucket="bucket")
        with _begin_put(server):
            server.running.send_signal(signal.SIGTERM)
            eventually(lambda: server.health() == 0, "no more connections")
            server.running.send_signal(signal.SIGTERM)
            assert server.running.wait(10) == 0


def test_the_first_start_shows_new_keys_once(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, fixed_keys=False) as server:
        shown = re.search(r"access key +(\S+)\n +secret key +(\S+) ", server.errors)
        assert shown is not None
        access_key, secret_key = shown.groups()
        assert server.endpoint in server.errors
        server.client(access_key, secret_key).create_bucket(Bucket="bucket")
        server.restart()
        assert access_key in server.errors
        assert secret_key not in server.errors
        assert server.client(access_key, secret_key).list_buckets()["Buckets"]


def test_without_authentication_there_is_a_warning(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, flags=["--no-auth"]) as server:
        assert server.errors.startswith("Warning: without authentication")
        assert server.client("whoever", "whatever-key").list_buckets()["Buckets"] == []


def test_no_secret_is_in_any_log_or_command_line(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, flags=["--log-level", "debug"]) as server:
        client = server.client()
        client.create_bucket(Bucket="bucket")
        params = {"Bucket": "bucket", "Key": "key"}
        url = client.generate_presigned_url("get_object", Params=params)
        server.get(url.removeprefix(server.endpoint))
        signature = re.search(r"Signature=([^&]+)", url)
        assert signature is not None
        commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in server.children().values()]
        server.stop()
        for text in (server.output, server.errors, *commands):
            assert SECRET_KEY not in text
            assert signature[1] not in text
        assert ACCESS_KEY not in server.output


def test_it_listens_on_ipv6(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, flags=["--host", "::"]) as server:
        with socket.create_connection(("::1", server.port), timeout=5):
            assert server.health() == 200


def test_connections_are_dealt_out_among_the_workers(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, workers=2) as server:
        threads = [threading.Thread(target=server.health) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sockets = [
            socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(32)
        ]
        for each in sockets:
            each.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert each.recv(4096).startswith(b"HTTP/1.1 200")
        counts = [_open_sockets(pid) for pid in server.worker_pids()]
        for each in sockets:
            each.close()
        assert min(counts) >= 4, counts


def test_pauses_grow_and_are_forgotten() -> None:
    pauses = Pauses()
    assert [pauses.after(0) for _ in range(4)] == [0, 0.1, 0.2, 0.4]
    assert max(pauses.after(0) for _ in range(20)) == 30
    assert pauses.after(31) == 0


def _begin_put(server: ServerProcess) -> socket.socket:
    """A PUT of which half is sent, and has arrived."""
    upload = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    head = f"PUT /bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: {2 * HALF}\r\n"
    upload.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
    assert upload.recv(4096).startswith(b"HTTP/1.1 100 Continue\r\n")
    upload.sendall(b"a" * HALF)
    return upload


def _open_sockets(pid: int) -> int:
    links = Path(f"/proc/{pid}/fd").iterdir()
    return sum(os.readlink(link).startswith("socket:") for link in links)
