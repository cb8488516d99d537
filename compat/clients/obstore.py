"""obstore, which is object_store of Rust: a store stands for one bucket."""

from __future__ import annotations

import os
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from compat.clients import raw
from compat.clients.client import Client, cannot
from compat.clients.object_store import NOT_NORMAL

# It lives in this suite's own environment only.
obstore = import_module("obstore")
stores = import_module("obstore.store")


class Driver(Client):
    cannot_name = NOT_NORMAL

    def store(self, bucket: str) -> Any:
        scheme, _, address = self.endpoint.partition("://")
        own = {"proxy_url": os.environ["http_proxy"]} if self.virtual_host else {}
        return stores.S3Store(
            bucket,
            endpoint=f"{scheme}://{bucket}.{address}" if self.virtual_host else self.endpoint,
            virtual_hosted_style_request=self.virtual_host,
            region="us-east-1",
            client_options={"allow_http": True, **own},
            retry_config={"max_retries": 0},
        )

    def make_bucket(self, bucket: str) -> None:
        raw.make_bucket(bucket)

    def remove_bucket(self, bucket: str) -> None:
        raw.remove_bucket(bucket)

    def buckets(self) -> list[str]:
        cannot("knows no buckets but its own")

    def put(self, bucket: str, key: str, file: Path) -> None:
        self.store(bucket).put(key, file)

    def get(self, bucket: str, key: str, file: Path) -> None:
        with file.open("wb") as out:
            for piece in self.store(bucket).get(key):
                out.write(piece)

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.store(bucket).list(prefix or None)
        return [row["path"] for page in pages for row in page]

    def delete(self, bucket: str, key: str) -> None:
        self.store(bucket).delete(key)

    def delete_below(self, bucket: str, prefix: str) -> None:
        self.store(bucket).delete(self.keys(bucket, prefix))

    def copy(self, bucket: str, key: str, target: str) -> None:
        self.store(bucket).copy(key, target)

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        return bytes(self.store(bucket).get_range(key, start=start, end=stop))

    def presign(self, bucket: str, key: str) -> str:
        url: str = obstore.sign(self.store(bucket), "GET", key, timedelta(minutes=10))
        return url
