"""Plans of transformers, and the log of their output."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.config.etl import Etl
from s3gw.etl.errors import BadMessage
from s3gw.etl.guard import Log
from s3gw.etl.message import InitMessage, Runtime, Variable
from s3gw.etl.runtime import Here, plan_of

HERE = Here(4711, "/work", "http://127.0.0.1:1/v1/etl-objects/e/secret")


def message(*command: str, image: str = "", env: tuple[Variable, ...] = ()) -> InitMessage:
    return InitMessage("some-etl", runtime=Runtime(image, command or None, env))


@pytest.mark.parametrize(
    ("word", "placed"),
    [
        ("8000", "4711"),
        ("--port=8000", "--port=4711"),
        ("0.0.0.0:8000", "127.0.0.1:4711"),
        ("0.0.0.0", "127.0.0.1"),
        ("18000", "18000"),
        ("8000x", "8000x"),
        ("server:app", "server:app"),
    ],
)
def test_a_containers_port_becomes_the_transformers(word: str, placed: str) -> None:
    assert plan_of(message("run", word), Etl(), HERE).command == ("run", placed)


def test_an_image_of_the_settings_is_a_folder() -> None:
    settings = replace(Etl(), images=("registry:5000/echo=/opt/echo", "other=/opt/other"))
    for image in ("registry:5000/echo", "registry:5000/echo:1.2", "registry:5000/echo@sha256:0"):
        assert plan_of(message("run", image=image), settings, HERE).folder == "/opt/echo"
    assert plan_of(message("run", image="registry:5000/echoes"), settings, HERE).folder == "/work"


def test_a_class_is_run_by_the_python_of_the_settings() -> None:
    sent = message(image="aistorage/runtime_python:3.12", env=(Variable("ETL_CLASS_PAYLOAD", "x"),))
    assert plan_of(sent, Etl(), HERE).command[0] == sys.executable
    settings = replace(Etl(), python="/opt/etl/bin/python")
    plan = plan_of(sent, settings, HERE)
    assert plan.command[0] == "/opt/etl/bin/python"
    assert plan.command[1].endswith("bootstrap.py")
    assert plan.env["PATH"].startswith("/opt/etl/bin:")
    with pytest.raises(BadMessage, match="images are not run"):
        plan_of(message(image="aistorage/runtime_python:3.12"), settings, HERE)


def test_the_message_does_not_say_where_it_listens() -> None:
    sent = message("run", env=(Variable("PORT", "80"), Variable("AIS_TARGET_URL", "http://x")))
    env = plan_of(sent, Etl(), HERE).env
    assert (env["PORT"], env["AIS_TARGET_URL"]) == ("4711", HERE.url)


@given(pieces=st.lists(st.binary(min_size=1, max_size=300), max_size=30))
def test_a_log_keeps_the_last_output_in_two_files(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    file = tmp_path_factory.mktemp("log") / "etl.log"
    log = Log(file, 512)
    for piece in pieces:
        log.write(piece)
    old = file.with_suffix(".old")
    kept = (old.read_bytes() if old.exists() else b"") + file.read_bytes()
    assert b"".join(pieces).endswith(kept)
    assert len(file.read_bytes()) <= 512
    assert len(kept) >= min(sum(map(len, pieces)), 512 - 300)
