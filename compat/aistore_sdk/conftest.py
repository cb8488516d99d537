"""What the suite's tests are given: a client with an administrator's token, and buckets."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

sdk: Any = import_module("aistore.sdk")


@pytest.fixture(scope="session")
def endpoint() -> str:
    return os.environ["COMPAT_ENDPOINT"]


@pytest.fixture(scope="session")
def connect(endpoint: str) -> Callable[..., Any]:
    """Makes clients; without arguments as a user's program would, out of the environment."""

    def client(**options: Any) -> Any:
        return sdk.Client(endpoint, **options)

    return client


@pytest.fixture(scope="session")
def client(connect: Callable[..., Any]) -> Any:
    return connect()


@pytest.fixture
def bucket(client: Any) -> Iterator[Any]:
    made = client.bucket(f"sdk-{uuid.uuid4().hex[:12]}").create()
    yield made
    made.delete(missing_ok=True)
