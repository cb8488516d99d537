"""Forks: what they share with the process that they come from, and what they do not."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.server_process import ROOT, ServerProcess, clean_environment, eventually

# What a server imports only for some configurations, and a command that asks a server never.
AIOHTTP = "aiohttp"
HEAVY = {AIOHTTP, "apsw", "asyncio", "awscrt", "cryptography", "hypercorn", "lxml", "msgspec"}


def printed(program: str, *arguments: str) -> str:
    """What a Python program wrote, which forks and so has a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        env=clean_environment(),
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def threads_of(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


def open_files(pid: int) -> list[str]:
    return [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]


def test_the_process_that_forks_has_one_thread_and_no_database(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, workers=2) as server:
        server.client().create_bucket(Bucket="bucket")

        def is_fit_to_fork() -> None:
            assert threads_of(server.pid) == 1
            assert [name for name in open_files(server.pid) if ".db" in name] == []

        is_fit_to_fork()
        server.kill_child(server.worker_pids()[0])
        eventually(lambda: len(server.worker_pids()) == 2, "another worker")
        is_fit_to_fork()


def test_the_lists_of_processes_tell_them_apart(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, workers=2) as server:
        assert set(server.children()) == {"maintenance", "worker-0", "worker-1"}
        commands = {
            Path(f"/proc/{pid}/cmdline").read_bytes()
            for pid in (server.pid, *server.children().values())
        }
        assert len(commands) == 1


def test_no_two_workers_give_the_same_request_id(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, workers=2) as server:
        ids = []
        for _ in range(40):
            connection = server.connection()
            connection.request("GET", "/bucket/key")
            ids.append(connection.getresponse().headers["x-amz-request-id"])
            connection.close()
        assert None not in ids
        assert len(set(ids)) == len(ids)


def test_a_fork_counts_its_requests_from_another_number() -> None:
    ids = printed(
        """
        import os
        from s3gw.telemetry.request_id import host_id, new_request_id
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
        print(new_request_id(), host_id(""), flush=True)
        """
    ).split()
    assert len(set(ids)) == 4


def test_a_fork_has_those_sockets_only_that_it_is_given() -> None:
    kinds = printed(
        """
        import os, socket
        from s3gw.server.forking import fork
        kept, left = socket.socket(), socket.socket()
        file = open("/dev/zero", "rb")

        def work():
            for each in (kept, left, file):
                print(os.readlink(f"/proc/self/fd/{each.fileno()}").partition(":")[0])
            print(os.readlink("/proc/self/fd/0"))
            return 0

        os.waitpid(fork("child", work, keep=(kept.fileno(),)), 0)
        left.getsockname()
        """
    ).split()
    assert kinds == ["socket", "/dev/null", "/dev/zero", "/dev/null"]


@pytest.mark.parametrize(
    ("work", "ending"),
    [("return 7", 7), ("raise ValueError", 1), ("sys.exit(3)", 1)],
    ids=["a code", "an error", "exit"],
)
def test_a_fork_ends_with_its_work_and_never_returns(work: str, ending: int) -> None:
    program = f"""
        import os, sys
        from s3gw.server.forking import fork

        def work():
            {work}

        _, status = os.waitpid(fork("child", work), 0)
        print("ended", os.waitstatus_to_exitcode(status))
        """
    assert printed(program) == f"ended {ending}\n"


def test_what_was_buffered_is_written_once() -> None:
    program = """
        import os
        from s3gw.server.forking import fork
        print("before")
        os.waitpid(fork("child", lambda: print("within") or 0), 0)
        print("after")
        """
    assert printed(program) == "before\nwithin\nafter\n"


def test_a_fork_has_the_default_signals_and_ignores_ctrl_c() -> None:
    program = """
        import asyncio, os, signal
        from s3gw.server.forking import fork

        def work():
            print(signal.getsignal(signal.SIGTERM).name, signal.getsignal(signal.SIGINT).name)
            print(signal.set_wakeup_fd(-1), sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
            return 0

        async def main():
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, print)
            os.waitpid(fork("child", work), 0)
            assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()

        asyncio.run(main())
        """
    assert printed(program).splitlines() == ["SIG_DFL SIG_IGN", "-1 []"]


def test_a_command_imports_little() -> None:
    """The version is where one waits for nothing but imports."""
    program = """
        import contextlib, sys
        from s3gw.cli import main
        with contextlib.suppress(SystemExit):
            main([sys.argv[1]])
        print(*sys.modules)
        """
    for word in ("version", "--version"):
        version, modules = printed(program, word).splitlines()
        assert version.startswith("s3gw ")
        assert HEAVY & set(modules.split()) == set(), word


def test_the_version_needs_no_parser() -> None:
    program = """
        import sys
        from s3gw.__main__ import main
        main()
        print(*sys.modules)
        """
    version, modules = printed(program, "--version").splitlines()
    assert version.startswith("s3gw ")
    assert (HEAVY | {"argparse", "dataclasses"}) & set(modules.split()) == set()


def test_a_server_that_fetches_nothing_imports_no_client() -> None:
    imported = printed("import s3gw.server.start, sys; print(*sys.modules)").split()
    assert AIOHTTP not in imported
    assert "s3gw.server.worker" in imported
