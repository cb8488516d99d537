"""`s3gw object find`, and its lines in docs/query.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from s3gw.cli.object.find import Options, conditions
from s3gw.client.call import Request
from s3gw.client.names import read_place
from s3gw.client.queries import Condition, next_found
from tests.cli.conftest import CommandLine
from tests.server_process import ROOT, ServerProcess, clean_environment

SIZES = {"a.jpg": 10, "b.jpg": 2000, "d/c.txt": 3000, "d/e.jpg": 0}


@pytest.fixture
def filled(cli: CommandLine, bucket: str) -> str:
    for name, size in SIZES.items():
        cli.good("object", "put", "-", f"{bucket}/{name}", stdin=bytes(size))
    return bucket


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), "a.jpg b.jpg d/c.txt d/e.jpg"),
        (("--size", ">1KiB"), "b.jpg d/c.txt"),
        (("--size", ">=10", "--size", "<3000"), "a.jpg b.jpg"),
        (("--size", "0"), "d/e.jpg"),
        (("--size", "<=0.01KB"), "a.jpg d/e.jpg"),
        (("--ext", "jpg", "--size", ">0"), "a.jpg b.jpg"),
        (("--name", "[ab].*"), "a.jpg b.jpg"),
        (("--name", "d/*"), "d/c.txt d/e.jpg"),
        (("--regex", "/e|^b"), "b.jpg d/e.jpg"),
        (("--newer", "1h"), "a.jpg b.jpg d/c.txt d/e.jpg"),
        (("--older", "1h"), ""),
        (("--unread", "2w"), ""),
        (("--limit", "3"), "a.jpg b.jpg d/c.txt"),
    ],
)
def test_what_meets_all_conditions_is_printed(
    cli: CommandLine, filled: str, words: tuple[str, ...], found: str
) -> None:
    printed = cli.good("object", "find", filled, *words, "--names").out
    assert printed.split() == found.split()
    assert [each["name"] for each in cli.json("object", "find", filled, *words)] == found.split()


def test_only_what_is_below_the_place_is_found(cli: CommandLine, filled: str) -> None:
    assert cli.good("object", "find", f"{filled}/d/", "--names").out.split() == [
        "d/c.txt",
        "d/e.jpg",
    ]


def test_columns_and_a_summary(cli: CommandLine, filled: str) -> None:
    words = ("--ext", "jpg", "--props", "version,size", "--bytes", "--summary")
    printed = cli.good("object", "find", filled, *words).out
    head, *rows, _, summary = printed.splitlines()
    assert head.split() == ["NAME", "VERSION", "SIZE"]
    assert rows[0].split() == ["a.jpg", "1", "10"]
    assert summary == "3 objects, 2.0 KiB"
    assert cli.good("object", "find", filled, "--ext", "x").out == "There are no such objects.\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--size", "big"), "is not a size"),
        (("--older", "soon"), "is not a time"),
        (("--props", "colour"), "the property 'colour' is unknown"),
    ],
)
def test_what_is_not_a_condition_is_refused(
    offline: CommandLine, words: tuple[str, ...], why: str
) -> None:
    result = offline("object", "find", "b", *words)
    assert (result.code, why in result.err) == (2, True)


def test_a_bad_expression_is_told(cli: CommandLine, filled: str) -> None:
    assert "no regular expression of RE2" in cli.refused("object", "find", filled, "--regex", "(")


def test_ages_are_times_before_now() -> None:
    options = Options(place=read_place("b"), older=60.0, newer=1.5, unread=1.0, ext="x")
    assert conditions(options, 100 * 10**9) == [
        Condition("ext", ("x",)),
        Condition("mtime_before", (str(40 * 10**9),)),
        Condition("mtime_after", (str(98_500_000_000),)),
        Condition("atime_before", (str(99 * 10**9),)),
    ]


def test_a_step_of_a_query_is_never_repeated() -> None:
    assert not next_found("h", 1).request.may_repeat
    assert Request("GET", "query/next").may_repeat


def test_the_page_leads_a_new_user(server: ServerProcess, token: str, tmp_path: Path) -> None:
    part = (ROOT / "docs" / "query.md").read_text().partition("## Finding objects")[2]
    block = re.findall(r"```sh\n(.*?)```", part.partition("\n## ")[0], re.DOTALL)[0]
    environment = clean_environment() | {
        "AIS_ENDPOINT": server.endpoint,
        "AIS_AUTHN_TOKEN": token,
        "PYTHON": sys.executable,
        "PATH": os.environ["PATH"],
    }
    text = 'set -e\ns3gw() { "$PYTHON" -m s3gw "$@"; }\n' + block
    done = subprocess.run(
        ["bash", "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "books/2.txt" in done.stdout
