"""Real S3 servers to be the remote: moto in a process of its own, and this project's gateway.

A test has buckets to itself: `Prefixed` puts a prefix of its own before their names, which also
makes the short names of the contract ones that S3 takes.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from storage.backend import Backend, BucketChange, unchanged
from storage.backends.aws import AwsOptions
from storage.values import BucketInfo
from tests.server_process import (
    ACCESS_KEY,
    SECRET_KEY,
    ServerProcess,
    clean_environment,
    eventually,
)

_RUNNING = re.compile(r"Running on http://127\.0\.0\.1:(\d+)")
_SMALL_PARTS = """
import sys
from s3gw.__main__ import main
from s3gw.multipart import complete
complete.MIN_PART_BYTES = 0
sys.exit(main())
"""
_numbers = itertools.count(1)


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """The endpoint of a moto server that takes parts of any size."""
    log = folder / "moto.log"
    environment = {**clean_environment(), "S3_UPLOAD_PART_MIN_SIZE": "0"}
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, env=environment
        )
    try:
        found = eventually(lambda: _RUNNING.findall(log.read_text()), "moto ready", 60.0)
        yield f"http://127.0.0.1:{found[0]}"
    finally:
        process.kill()
        process.wait()


class SmallParts(ServerProcess):
    """A gateway that takes parts of any size."""

    @property
    def command(self) -> list[str]:
        interpreter, flag, module, *rest = super().command
        assert (flag, module) == ("-m", "s3gw")
        return [interpreter, "-c", _SMALL_PARTS, *rest]


@contextmanager
def gateway(folder: Path) -> Iterator[str]:
    """The endpoint of a gateway that takes parts of any size."""
    with SmallParts(folder) as server:
        yield server.endpoint


def options_for(endpoint: str, **others: Any) -> AwsOptions:
    keys = {"access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY}
    return AwsOptions(**{"endpoint": endpoint, "region": "us-east-1", **keys, **others})


class Prefixed:
    """A backend in whose bucket names a prefix is added on the way in, and left out on the way
    back; it lists those that have it."""

    def __init__(self, inner: Backend, prefix: str = "") -> None:
        self.inner = inner
        self._prefix = prefix or f"test{next(_numbers)}-"

    def over(self, inner: Backend) -> Prefixed:
        """The same buckets as another backend sees them."""
        return Prefixed(inner, self._prefix)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.inner, name)
        if not callable(value):
            return value

        def call(bucket: str, *args: Any, **options: Any) -> Any:
            return value(self._prefix + bucket, *args, **options)

        return call

    def _shown(self, info: BucketInfo) -> BucketInfo:
        return replace(info, name=info.name.removeprefix(self._prefix))

    async def create_bucket(self, name: str, options: Any) -> BucketInfo:
        return self._shown(await self.inner.create_bucket(self._prefix + name, options))

    async def head_bucket(self, name: str) -> BucketInfo:
        return self._shown(await self.inner.head_bucket(self._prefix + name))

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        return self._shown(await self.inner.update_bucket(self._prefix + name, change))

    async def rename_bucket(
        self, name: str, new_name: str, change: BucketChange = unchanged
    ) -> BucketInfo:
        return await self.inner.rename_bucket(self._prefix + name, new_name, change)

    async def list_buckets(self) -> list[BucketInfo]:
        listed = await self.inner.list_buckets()
        return [self._shown(each) for each in listed if each.name.startswith(self._prefix)]

    async def buckets_revision(self) -> int:
        return await self.inner.buckets_revision()

    async def get_objects(self, reads: Any, room_bytes: int) -> Any:
        return await self.inner.get_objects(reads, room_bytes)

    async def usage(self) -> Any:
        return await self.inner.usage()
