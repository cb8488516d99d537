"""Clients in other languages: one process that answers lines of JSON until its input ends.

It is started with the endpoint and `path` or `virtual`. A line asks for a command and its words,
which are all text: `{"command": "get", "bucket": "b", "key": "k", "file": "/tmp/back"}`. The answer
has a `result`, or `failed` with what the client told its user, or `cannot` with what the client has
no means for. The commands are those below and in `test_sdk.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compat.clients.client import Client, Failed, cannot


class Driver(Client):
    # Checksums that the client does not know, and why.
    lacks: Mapping[str, str] = {}

    def __init__(self, endpoint: str, *, virtual_host: bool = False) -> None:
        super().__init__(endpoint, virtual_host=virtual_host)
        command = json.loads(os.environ["COMPAT_PROGRAM"])
        style = "virtual" if virtual_host else "path"
        self._process = subprocess.Popen(
            [*command, endpoint, style],
            env={**os.environ, **self.variables()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        weakref.finalize(self, _end, self._process)

    def variables(self) -> Mapping[str, str]:
        """What the program finds in its environment beside the test's own."""
        return {}

    def ask(self, command: str, **words: str | int | Path | None) -> Any:
        """The result; words that are None are left out. Raises `Failed`."""
        asked = {name: str(word) for name, word in words.items() if word is not None}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, **asked}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"the client ended with {self._process.wait()}")
        answer = json.loads(line)
        if "cannot" in answer:
            cannot(answer["cannot"])
        if "failed" in answer:
            raise Failed(answer["failed"])
        return answer["result"]

    def skip_if_it_lacks(self, word: str | None) -> None:
        """Skip a test of a key or a checksum that the client cannot have."""
        if reason := self.cannot_name.get(word or "") or self.lacks.get(word or ""):
            cannot(reason)

    def make_bucket(self, bucket: str) -> None:
        self.ask("make_bucket", bucket=bucket)

    def remove_bucket(self, bucket: str) -> None:
        self.ask("remove_bucket", bucket=bucket)

    def buckets(self) -> list[str]:
        found: list[str] = self.ask("buckets")
        return found

    def put(self, bucket: str, key: str, file: Path) -> None:
        self.ask("put", bucket=bucket, key=key, file=file)

    def get(self, bucket: str, key: str, file: Path) -> None:
        self.ask("get", bucket=bucket, key=key, file=file)

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        found: list[str] = self.ask("keys", bucket=bucket, prefix=prefix)
        return found

    def delete(self, bucket: str, key: str) -> None:
        self.ask("delete", bucket=bucket, key=key)

    def delete_below(self, bucket: str, prefix: str) -> None:
        self.ask("delete_below", bucket=bucket, prefix=prefix)

    def copy(self, bucket: str, key: str, target: str) -> None:
        self.ask("copy", bucket=bucket, key=key, target=target)

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        """`last` is the last byte, as HTTP counts."""
        return bytes.fromhex(self.ask("read", bucket=bucket, key=key, start=start, last=stop - 1))

    def presign(self, bucket: str, key: str) -> str:
        url: str = self.ask("presign", bucket=bucket, key=key)
        return url


def _end(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()
