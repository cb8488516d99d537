"""Completion, asked as the shells' scripts ask, and in bash itself."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from tests.server_process import clean_environment


def completed(cli: CommandLine, line: str) -> list[str]:
    """The words that bash is offered for the line."""
    return cli.good("completion", "bash", "--line", line).out.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_printed_for_each_shell(shell: str, offline: CommandLine) -> None:
    assert "s3gw" in offline.good("completion", shell).out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("s3gw buck", ["bucket"]),
        ("s3gw bucket props ", ["show", "set", "reset"]),
        ("s3gw bucket create --ex", ["--exist-ok"]),
        ("s3gw object get --ra", ["--range"]),
        ("s3gw serve --http-server ", ["uvicorn", "hypercorn"]),
        ("s3gw serve --http-server=h", ["hypercorn"]),
        ("s3gw completion z", ["zsh"]),
        ("s3gw job start rech", ["rechunk"]),
        ("s3gw cluster log --severity ", ["info", "warning", "error"]),
        ("s3gw object put ", [":files"]),
        ("s3gw object rm --list ", [":files"]),
        ("s3gw fsck ", [":files"]),
        ("s3gw nonsense ", []),
        ("s3gw 'open quo", []),
        ("s3gw bucket ls more ", []),
    ],
)
def test_commands_flags_and_choices_are_completed(
    line: str, expected: list[str], offline: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIS_ENDPOINT", "http://127.0.0.1:1")
    assert completed(offline, line) == expected


def test_names_come_from_the_server(cli: CommandLine, bucket: str) -> None:
    for name in ("train/1.tar", "train/2.tar", "b"):
        cli.good("object", "put", "-", f"{bucket}/{name}", stdin=b"")
    assert bucket in completed(cli, "s3gw bucket head ")
    assert completed(cli, f"s3gw bucket head {bucket}") == [bucket]
    # Bash begins a new word after the colon.
    assert completed(cli, f"s3gw object get ais://{bucket}") == [f"//{bucket}/"]
    assert completed(cli, f"s3gw object get {bucket}/") == [f"{bucket}/b", f"{bucket}/train/"]
    assert completed(cli, f"s3gw object get ais://{bucket}/train/1") == [f"//{bucket}/train/1.tar"]
    words = [f"--word=:{word}" for word in ("s3gw", "bucket", "head", f"ais://{bucket}")]
    assert cli.good("completion", "fish", *words).out == f"ais://{bucket}\n"


def test_jobs_come_from_the_server(cli: CommandLine) -> None:
    xid = cli.good("job", "start", "cleanup").out.strip()
    assert xid in completed(cli, "s3gw job wait ")


def test_a_server_that_is_not_there_is_passed_over(
    offline: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIS_ENDPOINT", "http://127.0.0.1:1")
    result = offline.good("completion", "bash", "--line", "s3gw bucket head ")
    assert (result.out, result.err) == ("", "")


def test_flags_are_completed_for_every_shell(offline: CommandLine) -> None:
    words = [f"--word=:{word}" for word in ("s3gw", "object", "get", "--")]
    lines = offline.good("completion", "zsh", *words).out.splitlines()
    assert "--recursive\tall objects below a folder" in lines


def test_bash_takes_the_script(cli: CommandLine, bucket: str, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "s3gw"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m s3gw "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    test = (
        "source <(s3gw completion bash); compopt() { :; }; "
        'COMP_LINE=$1 COMP_POINT=${#1}; read -ra COMP_WORDS <<< "$1"; '
        'COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )); _s3gw; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = os.pathsep.join([str(program.parent), os.environ["PATH"]])
    ours = {name: value for name, value in os.environ.items() if name.startswith("AIS_")}
    for line, expected in {
        "s3gw buck": "bucket",
        f"s3gw object ls ais://{bucket}": f"//{bucket}/",
        f"s3gw object put {program.parent}/s3": str(program),
    }.items():
        done = subprocess.run(
            ["bash", "-c", test, "bash", line],
            capture_output=True,
            text=True,
            check=True,
            env={**clean_environment(), **ours, "PATH": path},
        )
        assert done.stdout.split() == [expected]
