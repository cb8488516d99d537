"""`s3gw archive ls`"""

from __future__ import annotations

import argparse
import json

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import add_object, connect, describe_asking
from s3gw.cli.progress import size_text
from s3gw.cli.tables import printable, table
from s3gw.client.errors import ClientError
from s3gw.client.listing import Asked, Entry, Flag, list_objects
from s3gw.client.names import ObjectName
from s3gw.client.objects import head_object
from s3gw.client.transport import Client

_EXAMPLES = """\
  s3gw archive ls ais://shards/0001.tar
  s3gw archive ls ais://shards/0001.tar --names | grep jpg
  s3gw archive ls ais://shards/0001.tar --json"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_object(parser, "archive")
    parser.add_argument("--names", action="store_true", help="names only, without a table")
    parser.add_argument("--bytes", action="store_true", help="sizes as plain numbers")


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        members = _members(client, args.archive)
    if args.json:
        rows = [{"name": name, "size": entry.size} for name, entry in members]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif args.names:
        print("\n".join(printable(name) for name, _ in members))
    else:
        shown = str if args.bytes else size_text
        cells = [(printable(name), shown(entry.size)) for name, entry in members]
        print(table(("MEMBER", "SIZE>"), cells, "There is nothing in it."))
    return 0


def _members(client: Client, archive: ObjectName) -> list[tuple[str, Entry]]:
    """Raises `ClientError` when there is no such object."""
    above = f"{archive.key}/"
    asked = Asked(archive, ("name", "size"), Flag.ARCH_DIR)
    members, is_there = [], False
    for entry in list_objects(client, asked):
        is_there = is_there or entry.name == archive.key
        if entry.is_member and entry.name.startswith(above):
            members.append((entry.name[len(above) :], entry))
    if not is_there:
        head_object(client, archive)
        raise ClientError(f"{archive} is not among what the server lists")
    return members
