"""Names of arguments in the help and for completion, and `NAME=VALUE`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from s3gw.cli.parsing import Misused

BUCKET = "BUCKET"
OBJECT = "BUCKET/OBJECT"
PLACE = "BUCKET[/PREFIX]"
ALIAS = "ALIAS"
FILE = "FILE"
JOB = "JOB"
ETL = "ETL"
KIND = "KIND"
PAIR = "NAME=VALUE"

Pair = tuple[str, str]


def read_pair(text: str) -> Pair:
    """Parse an argument such as `checksum.type=md5`. Raises `ValueError`."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ValueError(f"{text!r}: must be {PAIR}")
    return name, value


def read_properties(text: str) -> tuple[Pair, ...]:
    """Parse properties as AIStore's command line writes them: `a.b=1 c=2`, or JSON. Raises
    `ValueError`."""
    if text.lstrip().startswith("{"):
        document = json.loads(text)
        return tuple(_leaves(document, ""))
    # Spaces in a value are its own: what has no `=` belongs to the value before.
    pieces: list[str] = []
    for word in text.split(" "):
        if pieces and "=" not in word:
            pieces[-1] += f" {word}"
        else:
            pieces.append(word)
    return tuple(read_pair(piece.rstrip()) for piece in pieces)


def _leaves(document: Mapping[str, Any], above: str) -> Iterator[Pair]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield above + name, value if isinstance(value, str) else json.dumps(value)


def dict_of(pairs: Iterable[Pair]) -> dict[str, str]:
    """Return the pairs as a dict. Raises `Misused` for a name that is given twice."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise Misused(f"{name} is given twice.")
        found[name] = value
    return found
