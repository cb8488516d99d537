"""`s3gw version`"""

from __future__ import annotations

import argparse
import platform
import sys

from s3gw import __version__
from s3gw.cli.commands import Commands, add_command


def add_to(commands: Commands) -> None:
    add_command(commands, "version", "print the version", run, "  s3gw version")


def run(args: argparse.Namespace) -> int:
    print(f"s3gw {__version__} (Python {platform.python_version()}, {sys.platform})")
    return 0
