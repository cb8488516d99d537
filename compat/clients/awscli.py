"""The AWS command line, v1 or v2: whichever `aws` the suite has."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from compat.clients.client import Client, run


class Driver(Client):
    cannot_name = {"trailing/": "takes a trailing slash for a folder"}

    def __init__(self, endpoint: str, *, virtual_host: bool = False) -> None:
        super().__init__(endpoint, virtual_host=virtual_host)
        style = "virtual" if virtual_host else "path"
        run("aws", "configure", "set", "default.s3.addressing_style", style)

    def aws(self, *words: str) -> bytes:
        return run("aws", "--endpoint-url", self.endpoint, *words)

    def api(self, *words: str) -> Any:
        out = self.aws("s3api", *words, "--output", "json")
        return json.loads(out) if out.strip() else {}

    def make_bucket(self, bucket: str) -> None:
        self.aws("s3", "mb", f"s3://{bucket}")

    def remove_bucket(self, bucket: str) -> None:
        self.aws("s3", "rb", f"s3://{bucket}")

    def buckets(self) -> list[str]:
        return [row["Name"] for row in self.api("list-buckets")["Buckets"]]

    def put(self, bucket: str, key: str, file: Path) -> None:
        self.aws("s3", "cp", str(file), f"s3://{bucket}/{key}")

    def get(self, bucket: str, key: str, file: Path) -> None:
        self.aws("s3", "cp", f"s3://{bucket}/{key}", str(file))

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        found = self.api("list-objects-v2", "--bucket", bucket, "--prefix", prefix)
        return [row["Key"] for row in found.get("Contents", ())]

    def delete(self, bucket: str, key: str) -> None:
        self.aws("s3", "rm", f"s3://{bucket}/{key}")

    def delete_below(self, bucket: str, prefix: str) -> None:
        self.aws("s3", "rm", "--recursive", f"s3://{bucket}/{prefix}")

    def copy(self, bucket: str, key: str, target: str) -> None:
        self.aws("s3", "cp", f"s3://{bucket}/{key}", f"s3://{bucket}/{target}")

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        where = ("--bucket", bucket, "--key", key, "--range", f"bytes={start}-{stop - 1}")
        with tempfile.NamedTemporaryFile() as file:
            self.api("get-object", *where, file.name)
            return file.read()

    def presign(self, bucket: str, key: str) -> str:
        return self.aws("s3", "presign", f"s3://{bucket}/{key}").decode().strip()
