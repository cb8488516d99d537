"""pyarrow's file system, which is AWS' C++ SDK."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from compat.clients.client import Client, cannot
from compat.clients.target import keys

# It lives in this suite's own environment only.
fs = import_module("pyarrow.fs")

_NORMAL = "takes no key with an empty segment"


class Driver(Client):
    cannot_name = {
        "a//b": _NORMAL,
        "/leading": _NORMAL,
        "trailing/": _NORMAL,
        # libcurl does that, behind the back of who signs: AWS refuses it, too.
        "dot/./dot/../dot": "signs `.` and `..` segments and does not send them",
    }

    def __init__(self, endpoint: str, *, virtual_host: bool = False) -> None:
        super().__init__(endpoint, virtual_host=virtual_host)
        address, (key, secret) = urlsplit(endpoint), keys()
        self.files: Any = fs.S3FileSystem(
            access_key=key,
            secret_key=secret,
            endpoint_override=address.netloc,
            scheme=address.scheme,
            region="us-east-1",
            allow_bucket_creation=True,
            allow_bucket_deletion=True,
            force_virtual_addressing=virtual_host,
            proxy_options=os.environ["http_proxy"] if virtual_host else None,
        )

    def make_bucket(self, bucket: str) -> None:
        self.files.create_dir(bucket)

    def remove_bucket(self, bucket: str) -> None:
        self.files.delete_dir(bucket)

    def buckets(self) -> list[str]:
        return [info.path for info in self.files.get_file_info(fs.FileSelector(""))]

    def put(self, bucket: str, key: str, file: Path) -> None:
        with self.files.open_output_stream(f"{bucket}/{key}") as out:
            out.write(file.read_bytes())

    def get(self, bucket: str, key: str, file: Path) -> None:
        with self.files.open_input_stream(f"{bucket}/{key}") as opened:
            file.write_bytes(opened.read())

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        chosen = fs.FileSelector(f"{bucket}/{prefix}".rstrip("/"), recursive=True)
        found = self.files.get_file_info(chosen)
        return [i.path.partition("/")[2] for i in found if i.type == fs.FileType.File]

    def delete(self, bucket: str, key: str) -> None:
        self.files.delete_file(f"{bucket}/{key}")

    def delete_below(self, bucket: str, prefix: str) -> None:
        cannot("takes a key beside its folder for a file, and the folder for nothing")

    def copy(self, bucket: str, key: str, target: str) -> None:
        self.files.copy_file(f"{bucket}/{key}", f"{bucket}/{target}")

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        with self.files.open_input_file(f"{bucket}/{key}") as opened:
            body: bytes = opened.read_at(stop - start, start)
            return body
