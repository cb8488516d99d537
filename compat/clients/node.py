"""Clients for Node: a script for each, which runs one command and prints its result as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from compat.clients.client import Client, run

HERE = Path(__file__).parent


class NodeClient(Client):
    """`script` stands in this folder."""

    script = ""

    def node(self, command: str, *words: str) -> Any:
        style = "virtual" if self.virtual_host else "path"
        out = run("node", str(HERE / self.script), self.endpoint, style, command, *words)
        return json.loads(out)

    def make_bucket(self, bucket: str) -> None:
        self.node("makeBucket", bucket)

    def remove_bucket(self, bucket: str) -> None:
        self.node("removeBucket", bucket)

    def buckets(self) -> list[str]:
        found: list[str] = self.node("buckets")
        return found

    def put(self, bucket: str, key: str, file: Path) -> None:
        self.node("put", bucket, key, str(file))

    def get(self, bucket: str, key: str, file: Path) -> None:
        self.node("get", bucket, key, str(file))

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        found: list[str] = self.node("keys", bucket, prefix)
        return found

    def delete(self, bucket: str, key: str) -> None:
        self.node("delete", bucket, key)

    def delete_below(self, bucket: str, prefix: str) -> None:
        self.node("deleteBelow", bucket, prefix)

    def copy(self, bucket: str, key: str, target: str) -> None:
        self.node("copy", bucket, key, target)

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        return bytes.fromhex(self.node("read", bucket, key, str(start), str(stop)))

    def presign(self, bucket: str, key: str) -> str:
        url: str = self.node("presign", bucket, key)
        return url
