"""What the claims of `test_claims.py` ask of a client: the few things that everybody does with S3.

A client is a class `Driver` in a module of this folder, as short as its command line or its library
allows. What the client has no means for is left to the methods here, which skip the claim.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest


class Failed(Exception):
    """The client said that it failed; the text is what it told its user."""


class Client:
    """Speaks to `endpoint`, with buckets in the host name if it is told so."""

    # Keys that the client cannot name, and why not.
    cannot_name: Mapping[str, str] = {}

    # How the client tells its user of a 404.
    not_there = r"(?i)NoSuchKey|NoSuchBucket|\b404\b|not.?found|not exist|no such"

    def __init__(self, endpoint: str, *, virtual_host: bool = False) -> None:
        self.endpoint = endpoint
        self.virtual_host = virtual_host

    def make_bucket(self, bucket: str) -> None:
        raise NotImplementedError

    def remove_bucket(self, bucket: str) -> None:
        raise NotImplementedError

    def buckets(self) -> list[str]:
        raise NotImplementedError

    def put(self, bucket: str, key: str, file: Path) -> None:
        raise NotImplementedError

    def get(self, bucket: str, key: str, file: Path) -> None:
        raise NotImplementedError

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """All keys below a prefix, which ends with a slash or is empty."""
        raise NotImplementedError

    def delete(self, bucket: str, key: str) -> None:
        raise NotImplementedError

    def delete_below(self, bucket: str, prefix: str) -> None:
        """All keys below a prefix that ends with a slash."""
        cannot("deletes one by one")

    def copy(self, bucket: str, key: str, target: str) -> None:
        cannot("does not copy within S3")

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        cannot("reads no ranges")

    def presign(self, bucket: str, key: str) -> str:
        """A URL to read it."""
        cannot("makes no presigned URLs")


def cannot(what: str) -> NoReturn:
    pytest.skip(f"the client {what}")


def run(*command: str, stdin: bytes = b"", timeout_s: float = 300) -> bytes:
    """Standard output; raises `Failed` with both outputs when the command fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout_s)
    if done.returncode:
        told = (done.stderr + done.stdout).decode(errors="replace")
        raise Failed(f"exit {done.returncode}: {told}")
    return done.stdout
