"""The AWS SDK for Java v2."""

from __future__ import annotations

from compat.clients import program


class Driver(program.Driver):
    pass
