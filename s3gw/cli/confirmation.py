"""Confirmation before something is removed."""

from __future__ import annotations

import sys
from typing import Any

from s3gw.cli.parameters import switch
from s3gw.cli.parsing import Misused


def yes_switch() -> Any:
    """Declare `--yes`."""
    return switch("-y", help="do not ask for confirmation")


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether the user confirms. Raises `Misused` without a terminal, unless `yes`."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Misused(f"{question} Cannot ask for confirmation without a terminal; add --yes.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
