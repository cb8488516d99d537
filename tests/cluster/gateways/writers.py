"""Clients that write through gateways, and know what was acknowledged."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tests.server_process import ACCESS_KEY, SECRET_KEY, ServerProcess, eventually


def client_of(node: ServerProcess) -> Any:
    """A client as boto3 makes it by default: it retries."""
    return boto3.client(
        "s3",
        endpoint_url=node.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )


class Writer:
    """Puts objects one after the other, and knows which were acknowledged."""

    def __init__(self, node: ServerProcess, bucket: str, prefix: str, size: int) -> None:
        self.acknowledged: dict[str, bytes] = {}
        self.errors: list[Exception] = []
        self.attempts = 0
        self._client = client_of(node)
        self._bucket = bucket
        self._prefix = prefix
        self._size = size
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        for number in count():
            if self._stop.is_set():
                return
            name, body = f"{self._prefix}{number:06}", os.urandom(self._size)
            self.attempts += 1
            try:
                self._client.put_object(Bucket=self._bucket, Key=name, Body=body)
                self.acknowledged[name] = body
            except (ClientError, BotoCoreError) as error:
                self.errors.append(error)

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            self.progress()
            yield
        finally:
            self._stop.set()
            self._thread.join()

    def progress(self) -> None:
        """Wait until more was acknowledged."""
        before = len(self.acknowledged)
        eventually(lambda: len(self.acknowledged) > before + 3, "more acknowledged", 60)


def read_back(node: ServerProcess, bucket: str, *writers: Writer) -> None:
    """Everything that was acknowledged is listed and read; a name that several wrote has what one
    of them wrote."""
    client = client_of(node)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    listed = {each["Key"] for page in pages for each in page.get("Contents", [])}
    names = {name for writer in writers for name in writer.acknowledged}
    assert names <= listed
    for name in names:
        body = client.get_object(Bucket=bucket, Key=name)["Body"].read()
        assert body in [writer.acknowledged.get(name) for writer in writers]
