"""`s3gw version`, and `s3gw --version`"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass

from s3gw import __version__
from s3gw.cli.parsing import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """No options."""


def run(options: Options) -> int:
    print(description())
    return 0


def description() -> str:
    return f"s3gw {__version__} (Python {platform.python_version()}, {sys.platform})"


COMMAND = Command(Options, run, "  s3gw version")
