"""AIStore's own command line: a server and a token, both from its environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from compat.clients.client import run
from compat.clients.target import endpoint, new_name

PROGRAM = "ais"
TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Ais:
    """`variables` come on top of the environment."""

    variables: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: object, stdin: bytes = b"") -> str:
        """Return what a command printed. Raises `Failed` with both outputs."""
        return self.bytes(*words, stdin=stdin).decode()

    def bytes(self, *words: object, stdin: bytes = b"") -> bytes:
        assigned = [f"{name}={value}" for name, value in self._variables().items()]
        asked = map(str, words)
        return run("env", *assigned, PROGRAM, *asked, stdin=stdin, timeout_s=TIMEOUT_S)

    def table(self, *words: object) -> list[list[str]]:
        """Return the rows of a table, its head too, without the empty cells at their ends."""
        return rows(self(*words))

    def _variables(self) -> dict[str, str]:
        here = {"AIS_ENDPOINT": endpoint(), "AIS_AUTHN_URL": endpoint(), "NO_COLOR": "1"}
        return here | {"TERM": "dumb"} | self.variables


@contextmanager
def new_bucket(ais: Ais) -> Iterator[str]:
    """Yield a new bucket's name, and destroy it afterwards."""
    name = f"ais://{new_name('cli')}"
    assert ais("create", name) == f'"{name}" created\n'
    yield name
    ais("rmb", name, "-y")


def rows(text: str) -> list[list[str]]:
    return [_cells(line) for line in text.splitlines() if line.strip()]


def column(table: Sequence[Sequence[str]], name: str) -> list[str]:
    """Return the cells below a head."""
    place = table[0].index(name)
    return [row[place] for row in table[1:]]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.rstrip().split("\t") if cell.strip()]
