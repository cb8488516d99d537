"""s3cmd: requests of its own making, signatures without spaces, listings of the first version."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from compat.clients.client import Client, run


class Driver(Client):
    cannot_name = {"trailing/": "takes a trailing slash for a folder"}

    def s3cmd(self, *words: str) -> str:
        address = urlsplit(self.endpoint)
        buckets = f"%(bucket)s.{address.netloc}" if self.virtual_host else address.netloc
        safe = "--ssl" if address.scheme == "https" else "--no-ssl"
        where = ("--host", address.netloc, "--host-bucket", buckets, safe)
        return run(
            "s3cmd", "--config", self.settings(), *where, "--no-progress", "--max-retries=1", *words
        ).decode()

    def settings(self) -> str:
        """A file with what has no flag."""
        lines = ["[default]", f"signurl_use_https = {self.endpoint.startswith('https:')}"]
        if self.virtual_host:
            proxy = urlsplit(os.environ["http_proxy"])
            lines += [f"proxy_host = {proxy.hostname}", f"proxy_port = {proxy.port}"]
        file = Path.home() / "s3cmd.ini"
        file.write_text("\n".join(lines))
        return str(file)

    def make_bucket(self, bucket: str) -> None:
        self.s3cmd("mb", f"s3://{bucket}")

    def remove_bucket(self, bucket: str) -> None:
        self.s3cmd("rb", f"s3://{bucket}")

    def buckets(self) -> list[str]:
        return [line.rpartition("s3://")[2] for line in self.s3cmd("ls").splitlines()]

    def put(self, bucket: str, key: str, file: Path) -> None:
        self.s3cmd("put", str(file), f"s3://{bucket}/{key}")

    def get(self, bucket: str, key: str, file: Path) -> None:
        self.s3cmd("get", f"s3://{bucket}/{key}", str(file))

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        found = self.s3cmd("ls", "--recursive", f"s3://{bucket}/{prefix}").splitlines()
        return [line.partition(f"s3://{bucket}/")[2] for line in found]

    def delete(self, bucket: str, key: str) -> None:
        self.s3cmd("del", f"s3://{bucket}/{key}")

    def delete_below(self, bucket: str, prefix: str) -> None:
        self.s3cmd("del", "--recursive", f"s3://{bucket}/{prefix}")

    def copy(self, bucket: str, key: str, target: str) -> None:
        self.s3cmd("cp", f"s3://{bucket}/{key}", f"s3://{bucket}/{target}")

    def presign(self, bucket: str, key: str) -> str:
        return self.s3cmd("signurl", f"s3://{bucket}/{key}", "+600").strip()
