"""The AWS SDK for Go v2."""

from __future__ import annotations

from compat.clients import program

_UNKNOWN = ("XXHASH64", "XXHASH3", "XXHASH128")


class Driver(program.Driver):
    lacks = dict.fromkeys(_UNKNOWN, "does not know this checksum")
