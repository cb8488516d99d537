"""What installing a client comes to, whichever way it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".compat"
REQUIREMENTS = Path(__file__).resolve().parent / "requirements"


class InstallFailed(Exception):
    """The installer refused; the text is what it said."""


class NotHere(Exception):
    """This machine cannot have the client: the suite is skipped, and the text says why."""


@dataclass(frozen=True, slots=True)
class Installed:
    """`folders` go before PATH, `variables` into the environment."""

    version: str
    folders: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
