"""`s3gw auth`: who may do what. Each of its commands is a module.

They open the data folder themselves, beside a running server or without one: whoever can read the
folder is its owner.
"""

from __future__ import annotations

from types import ModuleType

from s3gw.cli.auth import access, token
from s3gw.cli.commands import Commands

_COMMANDS: tuple[ModuleType, ...] = (token, access)


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "auth", help="users, roles, keys and tokens", description="Who may do what."
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_to(actions)
