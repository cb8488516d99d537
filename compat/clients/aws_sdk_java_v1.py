"""The AWS SDK for Java v1."""

from __future__ import annotations

from compat.clients import program
from compat.clients.target import CHECKSUMS


class Driver(program.Driver):
    lacks = dict.fromkeys(CHECKSUMS, "sums nothing but MD5")
