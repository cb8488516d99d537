"""A server with transformers, as administrators and readers see it."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tests.server_process import ServerProcess, eventually

TRANSFORMER = Path(__file__).with_name("transformer.py")
COMMAND = (sys.executable, str(TRANSFORMER))
# What they do to each object, where a request does not say it.
COMMAND_ODD = (*COMMAND, "fail odd")
COMMAND_DEADLY = (*COMMAND, "die of kill")
_numbers = itertools.count()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def message(self) -> str:
        """The text of an error."""
        return str(json.loads(self.body)["message"])


class EtlScene:
    def __init__(self, server: ServerProcess) -> None:
        self.server = server

    def send(
        self,
        method: str,
        target: str,
        message: Any = None,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request; `target` is what follows `/v1/`."""
        connection = self.server.connection()
        connection.timeout = 60
        sent = json.dumps(message).encode() if message is not None else body
        try:
            connection.request(method, f"/v1/{target}", sent, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def good(self, method: str, target: str, message: Any = None, **more: Any) -> bytes:
        answer = self.send(method, target, message, **more)
        assert answer.status == 200, answer.body
        return answer.body

    def json(self, method: str, target: str, message: Any = None) -> Any:
        return json.loads(self.good(method, target, message))

    def new_bucket(self, objects: Mapping[str, bytes] | None = None) -> str:
        bucket = f"bucket-{next(_numbers)}"
        self.good("POST", f"buckets/{bucket}", {"action": "create-bck"})
        for name, body in (objects or {}).items():
            self.good("PUT", f"objects/{bucket}/{quote(name)}", body=body)
        return bucket

    def new_etl(
        self,
        *,
        communication: str = "hpush://",
        command: Sequence[str] = COMMAND,
        env: Mapping[str, str] | None = None,
        **more: Any,
    ) -> str:
        """Start a transformer; its name, which no other run of the tests has on this machine."""
        name = f"etl-test-{os.getpid()}-{next(_numbers)}"
        variables = [{"name": each, "value": text} for each, text in (env or {}).items()]
        runtime = {"image": "none", "command": list(command), "env": variables}
        message = {"name": name, "communication": communication, "runtime": runtime, **more}
        self.good("PUT", "etl", message)
        return name

    def read(self, bucket: str, name: str, etl: str, args: str = "", **more: str) -> Answer:
        """Read an object through a transformer."""
        query = {"etl_name": etl, **({"etl_args": args} if args else {}), **more}
        return self.send("GET", f"objects/{bucket}/{quote(name)}?{urlencode(query)}")

    def stage(self, etl: str) -> str:
        return next(str(e["stage"]) for e in self.json("GET", "etl") if e["id"] == etl)

    def wait(self, job: str) -> Mapping[str, Any]:
        """The snapshot of a job that is idle or over."""

        def ended() -> Any:
            snaps = self.json("GET", "cluster?what=qryxstats", {"ID": job})
            (snap,) = next(iter(snaps.values()))
            return snap if snap["is_idle"] else None

        found: Mapping[str, Any] = eventually(ended, f"{job} idle")
        return found
