"""s3fs: the bucket as a folder, over aiobotocore."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from compat.clients.client import Client

# It lives in this suite's own environment only.
s3fs = import_module("s3fs")


class Driver(Client):
    cannot_name = {
        "a//b": "takes `//` for a folder without a name, and does not list it",
        "trailing/": "takes a trailing slash for a folder",
    }

    def __init__(self, endpoint: str, *, virtual_host: bool = False) -> None:
        super().__init__(endpoint, virtual_host=virtual_host)
        style = {"addressing_style": "virtual" if virtual_host else "path"}
        proxy = {"proxies": {"http": os.environ["http_proxy"]}} if virtual_host else {}
        self.files: Any = s3fs.S3FileSystem(
            endpoint_url=endpoint,
            config_kwargs={"s3": style, **proxy},
            use_listings_cache=False,
            skip_instance_cache=True,
        )

    def make_bucket(self, bucket: str) -> None:
        self.files.mkdir(bucket)

    def remove_bucket(self, bucket: str) -> None:
        self.files.rmdir(bucket)

    def buckets(self) -> list[str]:
        found: list[str] = self.files.ls("", detail=False)
        return found

    def put(self, bucket: str, key: str, file: Path) -> None:
        self.files.put_file(str(file), f"{bucket}/{key}", chunksize=10 << 20)

    def get(self, bucket: str, key: str, file: Path) -> None:
        self.files.get_file(f"{bucket}/{key}", str(file))

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return [name.removeprefix(f"{bucket}/") for name in self.files.find(f"{bucket}/{prefix}")]

    def delete(self, bucket: str, key: str) -> None:
        self.files.rm_file(f"{bucket}/{key}")

    def delete_below(self, bucket: str, prefix: str) -> None:
        self.files.rm(self.files.find(f"{bucket}/{prefix}"))

    def copy(self, bucket: str, key: str, target: str) -> None:
        self.files.cp_file(f"{bucket}/{key}", f"{bucket}/{target}")

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        body: bytes = self.files.cat_file(f"{bucket}/{key}", start=start, end=stop)
        return body

    def presign(self, bucket: str, key: str) -> str:
        url: str = self.files.sign(f"{bucket}/{key}")
        return url
