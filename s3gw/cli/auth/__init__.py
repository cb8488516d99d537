"""`s3gw auth`: users, roles and keys, in the data folder itself; one module for each word.

Whoever can read the first data folder owns what is in it: nobody is asked for a password. A server
that runs there knows of every change at once.
"""

from __future__ import annotations

import argparse
from types import ModuleType

from s3gw.cli.auth import key, role, token, user
from s3gw.cli.commands import Commands

# Each has `add_to`, and may add one command or a group of them.
_WORDS: tuple[ModuleType, ...] = (user, role, key, token)

_EXAMPLES = """\
examples:
  s3gw auth role add painter --bucket paintings=rw      what painters may do
  s3gw auth user add ann --role painter                 Ann is one
  s3gw auth key add ann                                 and has keys to sign with

Run it as the user whom the server runs as, with the same --config or --data. docs/identities.md
says more."""


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "auth",
        help="make and change users, roles and keys",
        description="Who may do what.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    words = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for word in _WORDS:
        word.add_to(words)
