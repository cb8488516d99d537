"""The command line in the test's process, against a server process of its own."""

from __future__ import annotations

import io
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from s3gw.cli import main
from tests.server_process import ServerProcess, clean_environment

_names = itertools.count()
_VARIABLES = ("ENDPOINT", "AUTHN_TOKEN", "AUTHN_TOKEN_FILE", "CLIENT_CA", "SKIP_VERIFY_CRT")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


class CommandLine:
    """Runs commands: `cli("bucket", "ls")`. A command that is to succeed is run by `good`."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: Any) -> None:
        self._patch = patch
        self._capture = capture

    def __call__(self, *words: object, stdin: bytes = b"", is_terminal: bool = False) -> Result:
        kind = Terminal if is_terminal else io.TextIOWrapper
        self._patch.setattr(sys, "stdin", kind(io.BytesIO(stdin), "utf-8"))
        self._capture.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        sys.stdout.flush()
        out, err = self._capture.readouterr()
        return Result(code, out.decode(errors="replace"), err.decode(), out)

    def good(self, *words: object, stdin: bytes = b"") -> Result:
        result = self(*words, stdin=stdin)
        assert result.code == 0, result.err
        return result

    def json(self, *words: object) -> Any:
        return self.good(*words, "--json").json

    def refused(self, *words: object, code: int = 1) -> str:
        """The one sentence with which a command is refused."""
        result = self(*words)
        assert result.code == code, result
        assert "Traceback" not in result.err
        return result.err.splitlines()[-1]


@pytest.fixture(scope="session")
def promoted_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whose files the server may make objects of."""
    return tmp_path_factory.mktemp("promoted")


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, promoted_folder: Path
) -> Iterator[ServerProcess]:
    allowed = {"S3GW_PROMOTE_ROOTS": str(promoted_folder)}
    with ServerProcess(tmp_path_factory.mktemp("server"), environment=allowed) as server:
        yield server


@pytest.fixture(scope="session")
def token(server: ServerProcess) -> str:
    """A token that may do everything."""
    command = [sys.executable, "-m", "s3gw", "auth", "token", "--data", str(server.data[0])]
    environment = {**clean_environment(), **server.environment}
    return subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment
    ).stdout.strip()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, capsysbinary: Any, tmp_path: Path) -> CommandLine:
    """In a folder of its own, without any of AIStore's variables."""
    for name in _VARIABLES:
        monkeypatch.delenv(f"AIS_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return CommandLine(monkeypatch, capsysbinary)


@pytest.fixture
def cli(
    offline: CommandLine, server: ServerProcess, token: str, monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    monkeypatch.setenv("AIS_ENDPOINT", server.endpoint)
    monkeypatch.setenv("AIS_AUTHN_TOKEN", token)
    return offline


@pytest.fixture
def new_bucket(cli: CommandLine) -> Callable[[], str]:
    def make() -> str:
        name = f"cli-{next(_names)}"
        cli.good("bucket", "create", name)
        return name

    return make


@pytest.fixture
def bucket(new_bucket: Callable[[], str]) -> str:
    return new_bucket()
