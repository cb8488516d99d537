"""`s3gw dsort`: the commands, and docs/dsort.md line by line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from s3gw.client.sorting import find_sort
from storage.archives import ArchiveFormat
from tests.archives.made import made, read_back
from tests.cli.conftest import CommandLine
from tests.server_process import ROOT, ServerProcess, clean_environment

FILES = [(f"{number}.txt", str(number).encode()) for number in (3, 1, 2)]
_BLOCK = re.compile(r"```(sh)\n(.*?)```", re.DOTALL)


@pytest.fixture
def filled(cli: CommandLine, bucket: str) -> str:
    content = made(ArchiveFormat.TAR, FILES)
    cli.good("object", "put", "-", f"{bucket}/in-0.tar", stdin=content)
    return bucket


def spec(bucket: str, **more: Any) -> dict[str, Any]:
    return {
        "input_bck": {"name": bucket},
        "input_format": {"template": "in-{0..0}"},
        "input_extension": ".tar",
        "output_format": "out-%03d",
        "output_shard_size": "1MB",
        "description": "for a test",
        **more,
    }


def sorted_back(cli: CommandLine, name: str) -> list[tuple[str, bytes]]:
    return read_back(ArchiveFormat.TAR, cli.good("object", "cat", name).raw)


@pytest.mark.parametrize("form", ["json", "yaml", "stdin"])
def test_a_sort_is_started_from_a_file_and_waited_for(
    cli: CommandLine, filled: str, form: str
) -> None:
    text = json.dumps(spec(filled))
    if form == "yaml":
        text = f"input_bck:\n  name: {filled}\n" + "".join(
            f"{key}: {json.dumps(value)}\n"
            for key, value in spec(filled).items()
            if key != "input_bck"
        )
    Path(f"spec.{form}").write_text(text)
    file = "-" if form == "stdin" else f"spec.{form}"
    told = cli.good("dsort", "start", file, stdin=text.encode()).out
    assert told == f"Sorted 3 records (3 B) into 1 shard of ais://{filled}.\n"
    assert sorted_back(cli, f"{filled}/out-000.tar") == sorted(FILES)


def test_buckets_and_a_key_map_are_named_on_the_line(cli: CommandLine, filled: str) -> None:
    Path("spec.json").write_text(json.dumps(spec("no-such", output_format="")))
    flags = ("--from", filled, "--to", f"{filled}-classes", "--key-map")
    for number, text in enumerate(
        ('{"odd-%d": ["[13]"], "even-%d": ["2"]}', "[13]\todd-%d\n2\teven-%d\n")
    ):
        Path("classes").write_text(text)
        found = cli.json("dsort", "start", "spec.json", *flags, "classes")
        assert (found["state"], found["created"]) == ("finished", 2), number
        assert sorted_back(cli, f"{filled}-classes/odd-0.tar") == [FILES[1], FILES[0]]


def test_a_dry_run_writes_nothing(cli: CommandLine, filled: str) -> None:
    Path("spec.json").write_text(json.dumps(spec(filled)))
    assert cli.json("dsort", "start", "spec.json", "--dry-run")["created"] == 1
    assert [each["name"] for each in cli.json("object", "ls", filled)] == ["in-0.tar"]


def test_a_sort_is_listed_shown_waited_for_and_removed(cli: CommandLine, filled: str) -> None:
    Path("spec.json").write_text(json.dumps(spec(filled)))
    xid = cli.good("dsort", "start", "spec.json", "--no-wait").out.strip()
    assert cli.json("dsort", "wait", xid, "--timeout", 60)["state"] == "finished"
    (row,) = (line for line in cli.good("dsort", "ls", "-a").out.splitlines() if xid in line)
    assert row.split()[1:4] == ["finished", f"ais://{filled}", f"ais://{filled}"]
    assert [each["id"] for each in cli.json("dsort", "ls", "-a", "--regex", "^for a")].count(xid)
    assert xid not in cli.good("dsort", "ls").out
    shown = cli.good("dsort", "show", xid).out
    assert "records      3, 3 B\n" in shown
    (document,) = cli.json("dsort", "show", xid).values()
    assert document["Metrics"]["shard_creation"]["created_count"] == "1"
    assert "already archived" in cli.refused("dsort", "abort", xid)
    assert cli.good("dsort", "rm", xid).out == f"Removed {xid}.\n"
    assert "does not exist" in cli.refused("dsort", "show", xid)


def test_what_fails_is_said_with_its_reason(cli: CommandLine, filled: str) -> None:
    asked = spec(filled, missing_shards="abort", input_format={"template": "no-{1..2}"})
    Path("spec.json").write_text(json.dumps(asked))
    told = cli.refused("dsort", "start", "spec.json")
    assert f"was aborted: shard ais://{filled}/no-1.tar does not exist" in told
    asked |= {"missing_shards": "warn"}
    Path("spec.json").write_text(json.dumps(asked))
    result = cli("dsort", "start", "spec.json")
    assert (result.code, result.err.count("warning: shard")) == (0, 2)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("spec.json", "{", "it is not JSON"),
        ("spec.yaml", "a: [", "it is not YAML"),
        ("spec.yaml", "- a", "a specification has keys"),
    ],
)
def test_a_bad_file_is_refused(cli: CommandLine, name: str, text: str, why: str) -> None:
    Path(name).write_text(text)
    assert why in cli.refused("dsort", "start", name, code=2)
    assert "No such file" in cli.refused("dsort", "start", "missing.json", code=2)


def test_the_request_of_a_job_repeats(cli: CommandLine) -> None:
    assert find_sort("a b").request.target == "/v1/sort?uuid=a%20b"


def test_the_page_leads_a_new_user(server: ServerProcess, token: str, tmp_path: Path) -> None:
    """The lines of docs/dsort.md, as one session of a shell; `ID` is that of the last job."""
    page = (ROOT / "docs" / "dsort.md").read_text()
    lines = ["set -e", 's3gw() { "$PYTHON" -m s3gw "$@"; }']
    for _, block in _BLOCK.findall(page):
        lines.append(block.replace(" --no-wait", " --no-wait > id").replace(" ID", ' "$(cat id)"'))
    text = "\n".join(lines).replace('s3gw dsort abort "$(cat id)"', ":")
    environment = clean_environment() | {
        "AIS_ENDPOINT": server.endpoint,
        "AIS_AUTHN_TOKEN": token,
        "PYTHON": sys.executable,
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        ["bash", "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Sorted 3 records" in done.stdout
    assert "1.cls" in done.stdout
    assert "even-000.tar" in done.stdout
    assert "odd-000.tar" in done.stdout
