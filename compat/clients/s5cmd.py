"""s5cmd: the Go SDK, many requests at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from compat.clients.client import Client, Failed, cannot, run


class Driver(Client):
    cannot_name = {
        "semi;colon:comma,equals=question?hash#star*": "takes `?` and `*` for wildcards",
        "trailing/": "takes a trailing slash for a folder",
    }

    def __init__(self, endpoint: str, *, virtual_host: bool = False) -> None:
        if virtual_host:
            cannot("asks every endpoint but Amazon's and Google's by path")
        super().__init__(endpoint)

    def s5cmd(self, *words: str) -> bytes:
        return run("s5cmd", "--endpoint-url", self.endpoint, "--retry-count", "0", *words)

    def rows(self, *words: str) -> list[Any]:
        return [json.loads(line) for line in self.s5cmd("--json", *words).splitlines()]

    def make_bucket(self, bucket: str) -> None:
        self.s5cmd("mb", f"s3://{bucket}")

    def remove_bucket(self, bucket: str) -> None:
        self.s5cmd("rb", f"s3://{bucket}")

    def buckets(self) -> list[str]:
        return [row["name"] for row in self.rows("ls")]

    def put(self, bucket: str, key: str, file: Path) -> None:
        self.s5cmd("cp", "--part-size", "10", str(file), f"s3://{bucket}/{key}")

    def get(self, bucket: str, key: str, file: Path) -> None:
        self.s5cmd("cp", "--raw", "--part-size", "10", f"s3://{bucket}/{key}", str(file))

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        try:
            found = self.rows("ls", f"s3://{bucket}/{prefix}*")
        except Failed as told:
            if "no object found" in str(told):
                return []
            raise
        return [row["key"].removeprefix(f"s3://{bucket}/") for row in found]

    def delete(self, bucket: str, key: str) -> None:
        self.s5cmd("rm", "--raw", f"s3://{bucket}/{key}")

    def delete_below(self, bucket: str, prefix: str) -> None:
        self.s5cmd("rm", f"s3://{bucket}/{prefix}*")

    def copy(self, bucket: str, key: str, target: str) -> None:
        self.s5cmd("cp", "--raw", f"s3://{bucket}/{key}", f"s3://{bucket}/{target}")

    def presign(self, bucket: str, key: str) -> str:
        return self.s5cmd("presign", f"s3://{bucket}/{key}").decode().strip()
