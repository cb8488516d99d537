"""Names of arguments in the help and for completion, and `NAME=VALUE`."""

from __future__ import annotations

from collections.abc import Iterable

from s3gw.cli.parsing import Misused

BUCKET = "BUCKET"
OBJECT = "BUCKET/OBJECT"
PLACE = "BUCKET[/PREFIX]"
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


def dict_of(pairs: Iterable[Pair]) -> dict[str, str]:
    """Return the pairs as a dict. Raises `Misused` for a name that is given twice."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise Misused(f"{name} is given twice.")
        found[name] = value
    return found
