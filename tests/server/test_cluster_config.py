"""The cluster's configuration, its log and its state on a whole server with several processes."""

from __future__ import annotations

import http.client
import json
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.native.test_restart import token_of
from tests.server.certificates import write_certificate
from tests.server_process import ServerProcess, eventually

WORKERS = 2


class Asker:
    """Asks with an administrator's token, each time on a new connection: whichever worker takes
    it."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.token = token_of(server)

    def ask(
        self, method: str, path: str, message: Any = None, **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        sent = {"Authorization": f"Bearer {self.token}"}
        sent |= {name.replace("_", "-"): text for name, text in headers.items()}
        body = json.dumps(message) if message is not None else None
        with closing(self.server.connection()) as connection:
            connection.request(method, f"/v1/{path}", body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers

    def json(self, path: str, **headers: str) -> Any:
        status, body, _ = self.ask("GET", path, **headers)
        assert status == 200, body
        return json.loads(body)

    def change(self, query: str) -> None:
        status, body, _ = self.ask("PUT", f"cluster/set-config?{query}")
        assert status == 200, body

    def everywhere(self, section: str, name: str) -> set[Any]:
        """What the workers say; they are asked often enough to have all answered."""
        return {self.json("cluster?what=cluster_config")[section][name] for _ in range(12)}


def test_a_change_holds_for_every_worker_and_after_a_restart(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, workers=WORKERS) as server:
        asker = Asker(server)
        asker.change("get_batch.max_wait=11s&checksum.type=sha256")
        asker.change("get_batch.max_soft_errs=2&transient=true")
        assert asker.everywhere("get_batch", "max_wait") == {"11s"}
        assert asker.everywhere("get_batch", "max_soft_errs") == {2}
        for number in range(4):
            server.client().create_bucket(Bucket=f"bucket-{number}")
            _, _, headers = asker.ask("HEAD", f"buckets/bucket-{number}")
            assert json.loads(headers["Ais-Bucket-Props"])["checksum"]["type"] == "sha256"
        server.restart()
        assert asker.everywhere("get_batch", "max_wait") == {"11s"}
        # What was transient is gone.
        assert asker.everywhere("get_batch", "max_soft_errs") == {6}
        assert asker.json("cluster?what=cluster_config")["config_version"] == "2"


def test_a_batch_keeps_to_the_configuration_of_the_moment(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, workers=WORKERS) as server:
        asker = Asker(server)
        server.client().create_bucket(Bucket="bucket")
        batch = {"in": [{"objname": "none"}] * 3, "coer": True, "strm": False, "mime": ".tar"}

        def statuses() -> set[int]:
            return {asker.ask("GET", "ml/moss/bucket", batch)[0] for _ in range(8)}

        assert statuses() == {200}
        asker.change("get_batch.max_soft_errs=2")
        assert 200 not in statuses()
        assert asker.ask("PUT", "cluster", {"action": "reset-config"})[0] == 200
        assert statuses() == {200}


def test_the_level_of_the_log_changes_while_the_server_runs(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, workers=WORKERS) as server:
        asker = Asker(server)
        (target,) = asker.json("daemon?what=smap")["tmap"]

        def events(severity: str) -> list[str]:
            path = f"reverse/daemon?what=log&severity={severity}"
            status, text, _ = asker.ask("GET", path, Ais_Node_Id=target)
            assert status == 200
            return [json.loads(line)["event"] for line in text.splitlines()]

        asker.change("log.level=error")
        (slot, pid), *_ = [each for each in server.children().items() if "worker" in each[0]]
        server.kill_child(pid)
        eventually(lambda: slot in server.children(), "worker back")
        # The supervisor's own lines are among them.
        assert "process died and is started again" in events("error")
        assert set(events("error")) <= set(events("info"))
        assert asker.everywhere("log", "level") == {"1"}
        status, packed, headers = asker.ask(
            "GET", "reverse/daemon?what=log&all=true", Ais_Node_Id=target
        )
        assert (status, headers["Content-Type"]) == (200, "application/gzip")
        assert packed[:2] == b"\x1f\x8b"


def test_jobs_keep_to_the_configuration_of_the_moment(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, workers=WORKERS) as server:
        asker, s3 = Asker(server), server.client()
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="k", Body=b"x")
        asker.change("jobs.idle_time=0")
        bucket = {"name": "other", "provider": "ais"}
        message = {"action": "copy-listrange", "value": {"objnames": ["k"], "tobck": bucket}}
        status, xid, _ = asker.ask("POST", "buckets/bucket", message)
        assert status == 200, xid

        def ended() -> bool:
            query = {"id": xid.decode(), "kind": "copy-listrange"}
            _, text, _ = asker.ask("GET", "cluster?what=status", query)
            return bool(json.loads(text)["end_time"])

        # By default such a job is still listed as running for a minute.
        eventually(ended, "job over")


def test_the_state_is_the_whole_servers(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, workers=WORKERS) as server:
        asker = Asker(server)
        s3 = server.client()
        s3.create_bucket(Bucket="bucket")
        for _ in range(8):
            s3.put_object(Bucket="bucket", Key="k", Body=b"x" * 1000)
        (target,) = asker.json("daemon?what=smap")["tmap"]

        def puts() -> int:
            status = asker.json("reverse/daemon?what=node_status", Ais_Node_Id=target)
            return int(status["tracker"]["put.n"])

        eventually(lambda: puts() == 8, "all counted")
        status = asker.json("reverse/daemon?what=node_status", Ais_Node_Id=target)
        assert int(status["tracker"]["put.size"]) >= 8000
        assert int(status["tracker"]["put.ns.total"]) > 0
        mountpath = status["capacity"]["mountpaths"][str(server.data[0])]
        assert int(mountpath["avail"]) > 0


def test_health_tells_the_state_of_the_cluster_to_who_asks(tmp_path: Path) -> None:
    before_ns = time.time_ns()
    with ServerProcess(tmp_path, workers=WORKERS) as server:
        asker = Asker(server)
        with closing(server.connection()) as connection:
            connection.request("GET", "/v1/health?cii=true")
            answer = connection.getresponse()
            state = json.loads(answer.read())
        smap = asker.json("daemon?what=smap")
        assert (state["smap"]["uuid"], state["flags"]) == (smap["uuid"], 6)
        assert state["smap"]["Primary"]["pub_url"] == server.endpoint
        assert 0 < int(answer.headers["Ais-Node-Uptime"]) < time.time_ns() - before_ns
        # A worker that is started again is part of the same server.
        server.kill_child(server.worker_pids()[0])
        eventually(lambda: server.health() == 200, "healthy")
        assert server.running.poll() is None
        server.running.send_signal(signal.SIGTERM)
        assert server.running.wait(60) == 0


def test_the_version_that_is_told_is_configured(tmp_path: Path) -> None:
    environment = {"S3GW_NATIVE_VERSION": "5.0", "S3GW_S3_ROOT_ACCESS": "false"}
    with ServerProcess(tmp_path, environment=environment) as server:
        asker = Asker(server)
        # Durable writes, and uploads that outlive a crash; but no S3 at the root.
        features = asker.json("cluster?what=cluster_config")["features"]
        assert features == str(1 << 4 | 1 << 21)
        assert asker.ask("GET", "daemon?what=software_version")[1] == b"5.0"
        assert asker.json("daemon?what=node_status")["ais_version"] == "5.0"


def test_a_server_with_tls_tells_its_certificate(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    serial = write_certificate(cert, key)
    flags = ["--tls-cert", str(cert), "--tls-key", str(key)]
    with ServerProcess(tmp_path / "server", flags=flags, authority=cert) as server:
        asker = Asker(server)
        told = asker.json("daemon?what=tls_certificate")
        assert (told["serial-number"], told["issued-by (CN)"]) == (str(serial), "127.0.0.1")
        assert told["valid"].startswith("from 20")
        config = asker.json("cluster?what=cluster_config")
        assert config["net"]["http"]["use_https"] is True
        smap = asker.json("daemon?what=smap")
        assert smap["proxy_si"]["public_net"]["direct_url"] == server.endpoint
