"""Gateways that are killed or frozen, and a database that goes away, under load."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.cluster.gateways.conftest import Pair
from tests.cluster.postgres import PostgresServer
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


@pytest.fixture
def bucket(pair: Pair, request: pytest.FixtureRequest) -> str:
    name = str(request.node.name).replace("_", "-").replace("[", "-").strip("]")[:60].strip("-")
    pair.other.client().create_bucket(Bucket=name)
    return name


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


@pytest.mark.parametrize("size", [100, 200_000])
def test_what_a_killed_gateway_has_acknowledged_is_read_from_the_other(
    pair: Pair, bucket: str, size: int
) -> None:
    writer = Writer(pair.one, bucket, "w", size)
    with writer.running():
        pair.one.kill9_all()
    read_back(pair.other, bucket, writer)
    pair.one.start()
    read_back(pair.one, bucket, writer)


def test_a_frozen_gateway_is_in_nobodys_way(pair: Pair, bucket: str) -> None:
    """Its locks in the database end with the time that a transaction may idle."""
    frozen, writer = Writer(pair.one, bucket, "same", 100), Writer(pair.other, bucket, "same", 100)
    with frozen.running():
        pids = pair.one.worker_pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            with writer.running():
                writer.progress()
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        frozen.progress()
    assert not writer.errors
    assert not frozen.errors
    read_back(pair.one, bucket, writer, frozen)


def test_an_outage_of_the_database_costs_a_client_no_error(
    pair: Pair, bucket: str, server: PostgresServer
) -> None:
    writers = [
        Writer(pair.one, bucket, "one", 100),
        Writer(pair.other, bucket, "other", 100_000),
    ]
    with writers[0].running(), writers[1].running():
        server.kill()
        seen = [writer.attempts for writer in writers]
        eventually(
            lambda: all(w.attempts == len(w.acknowledged) + len(w.errors) + 1 for w in writers),
            "every client waits",
        )
        assert all(now.attempts <= before + 1 for now, before in zip(writers, seen, strict=True))
        server.start()
        for writer in writers:
            writer.progress()
    assert not [error for writer in writers for error in writer.errors]
    read_back(pair.other, bucket, writers[0])
    read_back(pair.one, bucket, writers[1])
