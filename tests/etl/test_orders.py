"""Orders about transformers: starting, showing, stopping, removing."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.etl.scene import COMMAND, EtlScene
from tests.server_process import ServerProcess, eventually, is_alive

MESSAGE = {"name": "reverse", "runtime": {"image": "none", "command": list(COMMAND)}}


def pids(etl: str) -> list[int]:
    """The processes of a transformer on this machine, by its folder."""
    found = []
    for each in Path("/proc").iterdir():
        if not each.name.isdecimal():
            continue
        try:
            folder = (each / "cwd").readlink()
            if folder.name.startswith(f"{etl}-") and folder.parent.name.startswith("s3gw-etl-"):
                found.append(int(each.name))
        except OSError:
            continue
    return found


def test_a_transformer_is_listed_and_shown(scene: EtlScene) -> None:
    etl = scene.new_etl(obj_timeout="9s")
    row = next(each for each in scene.json("GET", "etl") if each["id"] == etl)
    assert row["stage"] == "Running"
    assert row["xaction_id"].startswith("etl-")
    shown = scene.json("GET", f"etl/{etl}")
    assert shown["init_msg"]["name"] == etl
    assert shown["init_msg"]["communication"] == "hpush://"
    assert shown["init_msg"]["obj_timeout"] == "9s"
    assert shown["init_msg"]["runtime"]["command"] == list(COMMAND)
    assert shown["obj_errors"] is None
    (health,) = scene.json("GET", f"etl/{etl}/health")
    assert health["health_status"] == "Running"
    (metrics,) = scene.json("GET", f"etl/{etl}/metrics")
    assert metrics["mem"] > 0


def test_its_output_is_kept(scene: EtlScene) -> None:
    etl, bucket = scene.new_etl(), scene.new_bucket({"o": b"x"})
    scene.read(bucket, "o", etl, "say")

    def said() -> bool:
        (log,) = scene.json("GET", f"etl/{etl}/logs")
        return b"something to say" in base64.b64decode(log["logs"])

    eventually(said, "the output is logged")
    (log,) = scene.json("GET", f"etl/{etl}/logs")
    assert base64.b64decode(log["logs"]).startswith(b"it begins\n")
    (same,) = scene.json("GET", f"etl/{etl}/logs/{log['target_id']}")
    assert same == log
    assert scene.send("GET", f"etl/{etl}/logs/none").status == 404


def test_a_stopped_one_is_kept_and_started_again(scene: EtlScene) -> None:
    etl, bucket = scene.new_etl(), scene.new_bucket({"o": b"abc"})
    assert pids(etl)
    assert scene.send("POST", f"etl/{etl}/start").status == 400
    scene.good("POST", f"etl/{etl}/stop")
    assert scene.stage(etl) == "Aborted"
    eventually(lambda: not pids(etl), "its processes end")
    assert scene.read(bucket, "o", etl).status == 404
    scene.good("POST", f"etl/{etl}/start")
    assert scene.read(bucket, "o", etl).body == b"cba"


def test_a_removed_one_is_forgotten(scene: EtlScene) -> None:
    etl = scene.new_etl()
    logs = scene.server.data[0] / "etl" / f"{etl}.log"
    assert logs.exists()
    scene.good("DELETE", f"etl/{etl}")
    eventually(lambda: not pids(etl) and not logs.exists(), "nothing is left of it")
    for method, target in (("GET", ""), ("DELETE", ""), ("POST", "/start"), ("GET", "/logs")):
        answer = scene.send(method, f"etl/{etl}{target}")
        assert answer.status == 404
        assert "etl job" in answer.message


def test_a_name_is_used_once(scene: EtlScene) -> None:
    etl = scene.new_etl()
    answer = scene.send("PUT", "etl", {**MESSAGE, "name": etl})
    assert answer.status == 409
    assert f"etl job {etl} already exists" in answer.message


def test_it_is_a_job_and_ends_with_it(scene: EtlScene) -> None:
    etl = scene.new_etl()
    job = next(each for each in scene.json("GET", "etl") if each["id"] == etl)["xaction_id"]
    snaps = scene.json("GET", "cluster?what=qryxstats", {"ID": job})
    (snap,) = next(iter(snaps.values()))
    assert (snap["kind"], snap["aborted"]) == ("etl-inline", False)
    scene.good("PUT", "cluster", {"action": "stop", "value": {"ID": job}})
    eventually(lambda: scene.stage(etl) == "Aborted", "it is stopped with its job")
    eventually(lambda: not pids(etl), "its processes end")


@pytest.mark.parametrize(
    ("runtime", "text"),
    [
        ({"command": ["/bin/false"]}, "exit status 1"),
        ({"command": ["/no/such/program"]}, "No such file"),
        ({"command": ["/bin/sh", "-c", "echo why it is so; exit 7"]}, "why it is so"),
        ({"command": ["/bin/sleep", "1000"]}, "not healthy within"),
        ({"url": "http://127.0.0.1:1"}, "outbound.allow"),
    ],
)
def test_one_that_cannot_be_started_says_why(
    scene: EtlScene, runtime: dict[str, Any], text: str
) -> None:
    message = {"name": "broken-one", "init_timeout": "500ms", "runtime": runtime}
    answer = scene.send("PUT", "etl", message)
    assert answer.status == 422
    assert text in answer.message
    assert scene.stage("broken-one") == "Aborted"
    scene.good("DELETE", "etl/broken-one")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": "short"}, "too short"),
        ({"name": "Large-Letters"}, "can only contain"),
        ({"name": "x" * 33}, "too long"),
        ({"communication": "smoke://"}, "unknown comm-type"),
        ({"obj_timeout": "soon"}, "invalid timeout"),
        ({"runtime": {"image": "registry/unknown:1"}}, "runtime.command"),
        ({"runtime": {}}, "runtime.image must be specified"),
        ({"runtime": {"url": "ftp://x"}}, "http or https"),
        ({"runtime": {"command": ["x"], "env": [{"name": "a b"}]}}, "not the name of a variable"),
        ({"spec": "a3ViZXJuZXRlcw=="}, "Kubernetes"),
    ],
)
def test_an_invalid_message_is_refused(scene: EtlScene, changes: dict[str, Any], text: str) -> None:
    answer = scene.send("PUT", "etl", {**MESSAGE, **changes})
    assert answer.status == 400
    assert text in answer.message


def test_a_transformer_of_others_is_reached_where_that_is_allowed(tmp_path: Path) -> None:
    environment = {"S3GW_OUTBOUND_ALLOW": "127.0.0.1"}
    flags = ["--etl", "--no-auth"]
    with ServerProcess(tmp_path, flags=flags, environment=environment) as server:
        scene = EtlScene(server)
        bucket = scene.new_bucket({"o": b"abc"})
        environment = json.loads(scene.read(bucket, "o", scene.new_etl(), "environment").body)
        message = {
            "name": "elsewhere",
            "runtime": {"url": f"http://127.0.0.1:{environment['PORT']}"},
        }
        scene.good("PUT", "etl", message)
        assert scene.read(bucket, "o", "elsewhere").body == b"cba"
        (metrics,) = scene.json("GET", "etl/elsewhere/metrics")
        assert metrics["mem"] == 0


@pytest.mark.parametrize("all_at_once", [False, True])
def test_a_killed_server_leaves_no_transformer(tmp_path: Path, *, all_at_once: bool) -> None:
    with ServerProcess(tmp_path, flags=["--etl", "--no-auth"]) as server:
        scene = EtlScene(server)
        bucket = scene.new_bucket({"o": b"abc"})
        # It starts another process, in a session of its own.
        shell = ["/bin/sh", "-c", f"setsid sleep 1000 & exec {' '.join(COMMAND)}"]
        etl = scene.new_etl(command=shell)
        before = pids(etl)
        assert len(before) >= 2
        if all_at_once:
            server.kill9_all()
        else:
            server.kill9()
        eventually(lambda: not any(map(is_alive, before)), "no transformer is left")
        server.start()
        # It is to run, so it does.
        eventually(lambda: scene.read(bucket, "o", etl).body == b"cba", "it runs again")
        assert not set(before) & set(pids(etl))
        running = pids(etl)
        assert server.stop() == 0
        assert not any(map(is_alive, running))


def test_a_class_needs_a_python_with_the_sdk(tmp_path: Path) -> None:
    payload = base64.b64encode(b"not read").decode()
    message = {
        "name": "of-a-class",
        "runtime": {
            "image": "aistorage/runtime_python:3.11",
            "env": [{"name": "ETL_CLASS_PAYLOAD", "value": payload}],
        },
    }
    environment = {"S3GW_ETL_PYTHON": str(tmp_path / "no-python")}
    flags = ["--etl", "--no-auth"]
    with ServerProcess(tmp_path, flags=flags, environment=environment) as server:
        answer = EtlScene(server).send("PUT", "etl", message)
        assert answer.status == 400
        assert "etl.python" in answer.message
