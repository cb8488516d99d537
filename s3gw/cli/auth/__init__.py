"""`s3gw auth`: who may do what. Each of its commands is a module, with `add_to`.

They open the data folder themselves, beside a running server or without one: whoever can read the
folder is its owner. A server that runs there knows of every change at once.
"""

from __future__ import annotations

import argparse
from types import ModuleType

from s3gw.cli.auth import access, credentials, key, role, token, user
from s3gw.cli.commands import Commands

_COMMANDS: tuple[ModuleType, ...] = (user, role, key, token, credentials, access)

_EXAMPLES = """\
examples:
  s3gw auth role add painter --bucket paintings=rw      what painters may do
  s3gw auth user add ann --role painter                 Ann is one
  s3gw auth key add ann                                 and has keys to sign with
  export AIS_AUTHN_TOKEN=$(s3gw auth token)             a token that may do everything

Run it as the user whom the server runs as, with the same --config or --data. docs/identities.md
says more."""


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "auth",
        help="users, roles, keys and tokens",
        description="Who may do what.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_to(actions)
