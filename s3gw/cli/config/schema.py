"""`s3gw config schema`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.parsing import Command
from s3gw.config.json_schema import configuration_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """No options."""


def run(options: Options) -> int:
    print(configuration_schema(), end="")
    return 0


COMMAND = Command(Options, run, "  s3gw config schema > s3gw.schema.json")
