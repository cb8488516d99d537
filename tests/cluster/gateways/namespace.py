"""A network of its own for one gateway, whose way to the database a test can take away."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

# Addresses that no network uses: they are for documentation (RFC 5737).
_HERE_FOR_DATABASE, _THERE_FOR_DATABASE = "198.51.100.1", "198.51.100.2"
_HERE_FOR_CLIENTS, _THERE_FOR_CLIENTS = "198.51.100.5", "198.51.100.6"
_SIZE = 30


class Namespace:
    """A namespace of Linux with two links to this one: clients come by one of them, and the
    database is reached by the other."""

    database_host = _HERE_FOR_DATABASE
    host = _THERE_FOR_CLIENTS

    def __init__(self) -> None:
        self.name = f"s3gw{os.getpid()}"
        self._database_link = f"db{os.getpid()}"
        self._client_link = f"cl{os.getpid()}"

    @property
    def wrapper(self) -> list[str]:
        """What a command begins with to run in it."""
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        """Drop all that goes to the database or comes from it."""
        _ip("link", "set", self._database_link, "down")

    def heal(self) -> None:
        _ip("link", "set", self._database_link, "up")

    @contextmanager
    def running(self) -> Iterator[Namespace]:
        """Skips the test where there are no namespaces to be made."""
        if problem := self._made():
            pytest.skip(f"no network namespaces: {problem}")
        with ExitStack() as ending:
            ending.callback(_ip, "netns", "delete", self.name)
            self._join(self._database_link, _HERE_FOR_DATABASE, _THERE_FOR_DATABASE)
            self._join(self._client_link, _HERE_FOR_CLIENTS, _THERE_FOR_CLIENTS)
            _ip("-n", self.name, "link", "set", "lo", "up")
            yield self

    @classmethod
    def are_possible(cls) -> bool:
        tried = cls()
        tried.name += "tried"
        if tried._made():
            return False
        _ip("netns", "delete", tried.name)
        return True

    def _made(self) -> str:
        """Make the namespace, and return an empty text; or return why it cannot be made."""
        if os.geteuid() != 0 or shutil.which("ip") is None:
            return "they need root and the program ip: make test-deps"
        made = subprocess.run(["ip", "netns", "add", self.name], capture_output=True, text=True)
        return made.stderr.strip() if made.returncode else ""

    def _join(self, link: str, here: str, there: str) -> None:
        """Make a link; it goes with the namespace."""
        end = f"{link}x"
        _ip("link", "add", link, "type", "veth", "peer", "name", end, "netns", self.name)
        _ip("address", "add", f"{here}/{_SIZE}", "dev", link)
        _ip("-n", self.name, "address", "add", f"{there}/{_SIZE}", "dev", end)
        _ip("link", "set", link, "up")
        _ip("-n", self.name, "link", "set", end, "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
