"""`s3gw version`, and `s3gw --version`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw import description
from s3gw.cli.parsing import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """No options."""


def run(options: Options) -> int:
    print(description())
    return 0


COMMAND = Command(Options, run, "  s3gw version")
