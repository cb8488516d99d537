"""`s3gw etl`: our server says that it has none; what AIStore would answer is told well."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.conftest import CommandLine
from tests.client.canned import Canned, answer

LISTED = [
    {
        "id": "resize",
        "stage": "Running",
        "xaction_id": "etl-abc",
        "obj_count": 3,
        "in_bytes": 2048,
        "out_bytes": 1024,
    }
]
COMMANDS = [
    ("ls",),
    ("show", "resize"),
    ("init", "resize", "--image", "i"),
    ("start", "resize"),
    ("stop", "resize"),
    ("rm", "resize"),
    ("logs", "resize"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_server_without_etl_says_so(cli: CommandLine, words: tuple[str, ...]) -> None:
    assert "not supported" in cli.refused("etl", *words)


def asked(
    cli: CommandLine, patch: pytest.MonkeyPatch, told: bytes, *words: str
) -> tuple[str, bytes]:
    """What a command printed, and its request."""
    with Canned([answer(body=told)]) as server:
        patch.setenv("AIS_ENDPOINT", server.url)
        printed = cli.good("etl", *words).out
    return printed, server.requests[0]


def test_transformations_are_listed(offline: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.dumps(LISTED).encode()
    printed, request = asked(offline, monkeypatch, told, "ls")
    assert request.startswith(b"GET /v1/etl HTTP/1.1")
    head, row = printed.splitlines()
    assert head.split() == ["ETL", "STAGE", "JOB", "OBJECTS", "IN", "OUT"]
    assert row.split()[:4] == ["resize", "Running", "etl-abc", "3"]
    printed, _ = asked(offline, monkeypatch, told, "ls", "--json")
    assert json.loads(printed)[0]["bytes_out"] == 1024


def test_one_is_begun_as_aistore_wants_it(
    offline: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("init", "resize", "--image", "i", "--env", "SIZE=224", "--exec", "run", "fast")
    printed, request = asked(offline, monkeypatch, b"etl-abc", *words)
    assert printed == "Started resize (etl-abc).\n"
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"PUT /v1/etl HTTP/1.1")
    assert json.loads(body) == {
        "name": "resize",
        "communication": "hpush://",
        "init_timeout": "5m",
        "obj_timeout": "45s",
        "runtime": {
            "image": "i",
            "command": ["run", "fast"],
            "env": [{"name": "SIZE", "value": "224"}],
        },
    }


def test_one_is_shown(offline: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"init_msg": {"name": "resize", "communication": "hpush://"}, "obj_errors": None}
    printed, request = asked(offline, monkeypatch, json.dumps(told).encode(), "show", "resize")
    assert request.startswith(b"GET /v1/etl/resize HTTP/1.1")
    assert [line.split() for line in printed.splitlines()][:2] == [
        ["name", "resize"],
        ["communication", "hpush://"],
    ]


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("start", b"POST /v1/etl/a%2Fb/start HTTP/1.1"),
        ("stop", b"POST /v1/etl/a%2Fb/stop HTTP/1.1"),
        ("rm", b"DELETE /v1/etl/a%2Fb HTTP/1.1"),
    ],
)
def test_they_are_started_stopped_and_removed(
    offline: CommandLine, monkeypatch: pytest.MonkeyPatch, word: str, line: bytes
) -> None:
    printed, request = asked(offline, monkeypatch, b"", word, "a/b")
    assert request.startswith(line)
    assert printed.endswith("a/b.\n")


def test_what_containers_wrote_is_printed_by_target(
    offline: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = base64.b64encode("größer\n".encode()).decode()
    told = json.dumps([{"target_id": "t1", "logs": logs}]).encode()
    printed, request = asked(offline, monkeypatch, told, "logs", "resize")
    assert request.startswith(b"GET /v1/etl/resize/logs HTTP/1.1")
    assert printed == "--- t1\ngrößer\n"


def test_a_python_file_is_sent(
    offline: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "resize.py").write_bytes(b"class Resize: ...")
    words = ("init", "resize", "--file", str(tmp_path / "resize.py"), "--obj-timeout", "9s")
    _, request = asked(offline, monkeypatch, b"etl-abc", *words)
    sent = json.loads(request.partition(b"\r\n\r\n")[2])
    assert sent["obj_timeout"] == "9s"
    assert sent["runtime"]["image"].startswith("aistorage/runtime_python:3.")
    (variable,) = sent["runtime"]["env"]
    assert variable["name"] == "ETL_SCRIPT"
    assert base64.b64decode(variable["value"]) == b"class Resize: ..."


def test_one_that_runs_already_is_named(
    offline: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("init", "resize", "--url", "http://gpu-1:8000")
    _, request = asked(offline, monkeypatch, b"etl-abc", *words)
    sent = json.loads(request.partition(b"\r\n\r\n")[2])
    assert sent["runtime"] == {"image": "", "url": "http://gpu-1:8000"}


@pytest.mark.parametrize("words", [(), ("--url", "http://a", "--exec", "b")])
def test_what_is_to_run_is_named_once(cli: CommandLine, words: tuple[str, ...]) -> None:
    assert "one of --file" in cli.refused("etl", "init", "resize", *words, code=2)


def test_a_bucket_is_transformed(offline: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("bucket", "resize", "ais://photos/2026/", "ais://small", "--then", "sharpen")
    more = ("--ext", "png=jpg", "--continue-on-error", "--no-wait")
    _, request = asked(offline, monkeypatch, b"etl-xyz", *words, *more)
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/buckets/photos?")
    message = json.loads(body)
    assert message["action"] == "etl-bck"
    value = message["value"]
    assert (value["id"], value["pipeline"]) == ("resize", ["sharpen"])
    assert (value["prefix"], value["ext"], value["coer"]) == ("2026/", {"png": "jpg"}, True)


def test_an_object_is_read_through_transformers(
    offline: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Canned([answer(body=b"small")]) as server:
        monkeypatch.setenv("AIS_ENDPOINT", server.url)
        words = ("--etl", "resize", "--etl", "sharpen", "--etl-args", "224")
        offline.good("object", "cat", "ais://photos/1.jpg", *words)
    query = parse_qs(urlsplit(server.requests[0].split(b" ")[1].decode()).query)
    assert query["etl_name"] == ["resize"]
    assert query["etl_pipeline"] == ["sharpen"]
    assert query["etl_args"] == ["224"]
