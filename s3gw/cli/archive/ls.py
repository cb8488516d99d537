"""`s3gw archive ls`"""

from __future__ import annotations

import json
from dataclasses import dataclass

from s3gw.cli.arguments import OBJECT
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, switch
from s3gw.cli.parsing import Command
from s3gw.cli.progress import size_text
from s3gw.cli.tables import print_table, printable
from s3gw.client.errors import ClientError
from s3gw.client.listing import Entry, Flag, ListQuery, list_objects
from s3gw.client.names import ObjectName, read_object
from s3gw.client.objects import head_object
from s3gw.client.sync import Client

_EXAMPLES = """\
  s3gw archive ls ais://shards/0001.tar
  s3gw archive ls ais://shards/0001.tar --names | grep jpg
  s3gw archive ls ais://shards/0001.tar --json"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    archive: ObjectName = argument(OBJECT, read=read_object)
    names: bool = switch(help="names only, without a table")
    bytes: bool = switch(help="sizes as plain numbers")


def run(options: Options) -> int:
    with connect(options) as client:
        members = _members(client, options.archive)
    if options.json:
        rows = [{"name": name, "size": entry.size} for name, entry in members]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif options.names:
        print("\n".join(printable(name) for name, _ in members))
    else:
        shown = str if options.bytes else size_text
        cells = [(printable(name), shown(entry.size)) for name, entry in members]
        print_table(("MEMBER", "SIZE>"), cells, "The archive is empty.")
    return 0


def _members(client: Client, archive: ObjectName) -> list[tuple[str, Entry]]:
    """Return the members and their entries. Raises `ClientError` if there is no such archive."""
    above = f"{archive.key}/"
    query = ListQuery(archive, ("name", "size"), Flag.ARCH_DIR)
    members, is_there = [], False
    for entry in client.items(list_objects(query)):
        is_there = is_there or entry.name == archive.key
        if entry.is_member and entry.name.startswith(above):
            members.append((entry.name[len(above) :], entry))
    if not is_there:
        client.call(head_object(archive))
        raise ClientError(f"{archive} is not in the server's list")
    return members


COMMAND = Command(Options, run, _EXAMPLES)
