"""`s3gw config docs`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.parsing import Command
from s3gw.config.docs import configuration_page


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """No options."""


def run(options: Options) -> int:
    print(configuration_page(), end="")
    return 0


COMMAND = Command(Options, run, "  s3gw config docs")
