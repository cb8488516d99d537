"""Position of the lifecycle walk, kept across restarts."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from cluster.lifecycle.walk import Position, Tally

log = logging.getLogger(__name__)


class State(Struct):
    """`turn` numbers the pass; `at` is None when it has ended."""

    turn: int = -1
    at: Position | None = None
    tally: Tally = msgspec.field(default_factory=Tally)


class Progress(Protocol):
    """Remembers one state. What it forgets is done again, without harm."""

    def load(self) -> State: ...

    def save(self, state: State) -> None: ...


class ProgressFile:
    """A state in a file, replaced whole. The work continues when the disk takes no file: deleting
    may be what it needs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved: State | None = None

    def load(self) -> State:
        if self._saved is not None:
            return self._saved
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=State)
        except FileNotFoundError:
            return State()
        except (OSError, msgspec.DecodeError) as error:
            log.warning("lifecycle starts over", extra={"problem": f"{self._path}: {error}"})
            return State()

    def save(self, state: State) -> None:
        self._saved = state
        try:
            self._write(msgspec.json.encode(state))
        except OSError as error:
            log.warning("cannot save how far lifecycle has come", extra={"problem": str(error)})

    def _write(self, content: bytes) -> None:
        aside = self._path.with_suffix(".new")
        with open(aside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(aside, self._path)
