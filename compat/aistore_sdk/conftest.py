"""What the suite's tests are given: a client with an administrator's token, and buckets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from compat.aistore_sdk.scene import new_name

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
    made = client.bucket(new_name()).create()
    yield made
    made.delete(missing_ok=True)


@pytest.fixture
def target(client: Any) -> Iterator[Any]:
    """A bucket that is not there yet."""
    made = client.bucket(new_name())
    yield made
    made.delete(missing_ok=True)
