"""minio-py."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from compat.clients.client import Client
from compat.clients.target import MIB, keys

# These live in this suite's own environment only.
minio = import_module("minio")
common_config = import_module("minio.commonconfig")
delete_objects = import_module("minio.deleteobjects")
urllib3 = import_module("urllib3")


class Driver(Client):
    cannot_name = {"dot/./dot/../dot": "takes no key with a `.` or `..` segment"}

    def __init__(self, endpoint: str, *, virtual_host: bool = False) -> None:
        super().__init__(endpoint, virtual_host=virtual_host)
        address, (key, secret) = urlsplit(endpoint), keys()
        self.client: Any = minio.Minio(
            endpoint=address.netloc,
            access_key=key,
            secret_key=secret,
            secure=address.scheme == "https",
            http_client=urllib3.ProxyManager(os.environ["http_proxy"]) if virtual_host else None,
        )
        if virtual_host:
            self.client.enable_virtual_style_endpoint()

    def make_bucket(self, bucket: str) -> None:
        self.client.make_bucket(bucket_name=bucket)

    def remove_bucket(self, bucket: str) -> None:
        self.client.remove_bucket(bucket_name=bucket)

    def buckets(self) -> list[str]:
        return [bucket.name for bucket in self.client.list_buckets()]

    def put(self, bucket: str, key: str, file: Path) -> None:
        self.client.fput_object(
            bucket_name=bucket, object_name=key, file_path=str(file), part_size=10 * MIB
        )

    def get(self, bucket: str, key: str, file: Path) -> None:
        self.client.fget_object(bucket_name=bucket, object_name=key, file_path=str(file))

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        found = self.client.list_objects(bucket_name=bucket, prefix=prefix, recursive=True)
        return [row.object_name for row in found]

    def delete(self, bucket: str, key: str) -> None:
        self.client.remove_object(bucket_name=bucket, object_name=key)

    def delete_below(self, bucket: str, prefix: str) -> None:
        names = [delete_objects.DeleteObject(key) for key in self.keys(bucket, prefix)]
        assert list(self.client.remove_objects(bucket_name=bucket, delete_object_list=names)) == []

    def copy(self, bucket: str, key: str, target: str) -> None:
        source = common_config.CopySource(bucket_name=bucket, object_name=key)
        self.client.copy_object(bucket_name=bucket, object_name=target, source=source)

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        answer = self.client.get_object(
            bucket_name=bucket, object_name=key, offset=start, length=stop - start
        )
        try:
            body: bytes = answer.read()
            return body
        finally:
            answer.close()
            answer.release_conn()

    def presign(self, bucket: str, key: str) -> str:
        url: str = self.client.presigned_get_object(bucket_name=bucket, object_name=key)
        return url
