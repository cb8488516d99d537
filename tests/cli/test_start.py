"""What every command has in common: how it starts, explains itself, fails and ends."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from s3gw.cli import build_parser
from s3gw.cli.parsing import Parser
from tests.cli.conftest import CommandLine
from tests.server_process import ServerProcess, clean_environment, eventually

# What a client has no use for: the server, its stores, and what they are made of.
_HEAVY = """
    s3gw.server.compose s3gw.server.app s3gw.config.schema s3gw.config.loading s3gw.s3 s3gw.native
    s3gw.ops storage.backends cluster.jobs
    starlette hypercorn lxml apsw msgspec aiohttp rich awscrt cryptography
"""
_GROUPS = {"config", "keys", "auth user", "auth role", "auth key"}


def parsers(parser: Parser, words: str = "") -> Iterator[tuple[str, Parser]]:
    """Every command with its parser, groups among them."""
    yield words, parser.learn()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from parsers(inner, f"{words} {name}".strip())


COMMANDS = dict(parsers(build_parser()))
LEAVES = [name for name, parser in COMMANDS.items() if parser.is_command()]
# They ask the database and data folders, and no server.
_NOT_ASKING = ("cluster adopt", "cluster doctor")
ASKING = [
    name
    for name in LEAVES
    if name.split()[0] in ("bucket", "object", "archive", "job", "cluster")
    and name not in _NOT_ASKING
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_without_asking_anybody(
    command: str, offline: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "create_connection", _nobody_may)
    result = offline(*command.split(), "--help")
    assert result.code == 0
    assert result.out.startswith(f"usage: s3gw {command}".rstrip())
    assert command in _GROUPS or "examples:" in result.out


def _nobody_may(*_: object, **__: object) -> None:
    raise AssertionError("the help needs no network")


@pytest.mark.parametrize("command", ASKING)
def test_every_asking_command_can_answer_programs(command: str) -> None:
    flags = {name for action in COMMANDS[command]._actions for name in action.option_strings}
    assert {"--json", "--endpoint", "--token-file", "--ca", "--skip-verify"} <= flags


def test_summaries_are_listed_without_importing_the_commands() -> None:
    loaded = {name for name in modules_after("--help") if name.startswith("s3gw.cli.")}
    assert loaded == {"s3gw.cli.parsing", "s3gw.cli.parameters", "s3gw.cli.tables"}


@pytest.mark.parametrize(
    "command",
    ["version", "bucket ls", "object get b/o", "object put f b", "job wait x", "cluster show",
     "config cluster", "archive ls b/a.tar", "completion bash"],
)  # fmt: skip
def test_a_client_imports_nothing_of_the_server(command: str) -> None:
    loaded = modules_after(*command.split())
    heavy = [
        name for name in loaded if any(f"{name}.".startswith(f"{each}.") for each in _HEAVY.split())
    ]
    assert heavy == []


def modules_after(*words: str) -> list[str]:
    """What is imported when the command has run; nobody answers it."""
    program = (
        "import sys\n"
        "from s3gw.cli import main\n"
        "try:\n"
        f"    main({list(words)!r})\n"
        "except SystemExit:\n"
        "    pass\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**clean_environment(), "AIS_ENDPOINT": "http://127.0.0.1:1"},
    )
    return done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize(
    "words",
    ["bucket", "bucket ls extra", "object get", "bucket head ais://b/too/much", "object cat b",
     "object cat x://b/o", "object get b/o --range 9", "bucket create b --props checksum",
     "job stop", "object rm b", "archive get b/a.tar", "object ls b --regex ("],
)  # fmt: skip
def test_wrong_use_is_exit_code_2_and_one_line(words: str, offline: CommandLine) -> None:
    result = offline(*words.split())
    assert result.code == 2
    assert "Traceback" not in result.err
    assert result.err.splitlines()[-1].startswith("s3gw")


def test_an_unknown_flag_is_told_with_the_usage_of_its_command(offline: CommandLine) -> None:
    assert offline("object", "ls", "b", "--nonsense").err.startswith("usage: s3gw object ls")


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:port", "http://h?a=b"])
def test_what_is_no_endpoint_is_exit_code_2(url: str, offline: CommandLine) -> None:
    assert "is not a valid endpoint" in offline.refused("bucket", "ls", "--endpoint", url, code=2)


def test_a_token_file_that_is_missing_is_exit_code_2(offline: CommandLine) -> None:
    said = offline.refused("bucket", "ls", "--token-file", "nowhere", code=2)
    assert said == "s3gw: The token file nowhere cannot be read: No such file or directory."


def test_nobody_answering_says_how_to_start(offline: CommandLine) -> None:
    said = offline.refused("bucket", "ls", "--endpoint", "127.0.0.1:1")
    assert "Cannot connect to http://127.0.0.1:1" in said
    assert "`s3gw serve`" in said


def test_without_a_token_it_says_how_to_get_one(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, server: ServerProcess
) -> None:
    monkeypatch.delenv("AIS_AUTHN_TOKEN")
    assert "s3gw auth token --data FOLDER" in cli.refused("bucket", "ls")
    monkeypatch.setenv("S3GW_STORAGE_DATA", str(server.data[0]))
    said = cli.refused("bucket", "ls")
    assert said.endswith("Get one with: export AIS_AUTHN_TOKEN=$(s3gw auth token)")


@pytest.mark.parametrize("form", ["{}", '{{"token": "{}"}}', "{}\n"])
def test_a_token_comes_from_a_file(
    form: str, cli: CommandLine, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIS_AUTHN_TOKEN")
    Path("token").write_text(form.format(token))
    cli.good("bucket", "ls", "--token-file", "token")
    monkeypatch.setenv("AIS_AUTHN_TOKEN_FILE", "token")
    cli.good("bucket", "ls")


def test_an_interrupted_download_leaves_no_files(cli: CommandLine, bucket: str) -> None:
    """Several threads are in the middle of theirs."""
    Path("up").mkdir()
    for number in range(8):
        Path("up", str(number)).write_bytes(bytes(8 << 20))
    cli.good("object", "put", "-r", "up", bucket)
    command = [sys.executable, "-m", "s3gw", "object", "get", "-r", bucket, "down"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=_environment()) as process:
        eventually(lambda: list(Path().glob("down/*")), "a download begun")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert told == b""
    for file in Path("down").iterdir():
        assert file.stat().st_size == 8 << 20
        assert file.name in "01234567"


def test_a_bad_token_is_refused_with_the_servers_words(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIS_AUTHN_TOKEN", "x")
    assert cli.refused("bucket", "ls").startswith("s3gw: Invalid token")


def test_a_reader_that_goes_away_is_no_error_message(
    cli: CommandLine, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "big").write_bytes(bytes(4 << 20))
    cli.good("object", "put", "big", f"{bucket}/big")
    command = f"{sys.executable} -m s3gw object cat {bucket}/big | head -c 1 | wc -c"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=_environment(), check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("1", "")


def test_an_interrupted_upload_ends_at_once_and_leaves_nothing(
    cli: CommandLine, bucket: str
) -> None:
    # Who runs the tests in the background may have the signal ignored.
    interruptible = ("env", "--default-signal=INT", sys.executable)
    with subprocess.Popen(
        [*interruptible, "-m", "s3gw", "object", "put", "-", f"{bucket}/never"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    ) as process:
        assert process.stdin is not None
        process.stdin.write(bytes(32 << 20))
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        # Nobody closes the pipe before it has ended.
        code = process.wait(30)
        _, told = process.communicate()
    assert (code, told) == (1, b"")
    assert cli.json("object", "ls", bucket) == []


def _environment() -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name.startswith("AIS_")}
    return {**clean_environment(), **ours}
