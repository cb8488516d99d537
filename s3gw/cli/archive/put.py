"""`s3gw archive put`"""

from __future__ import annotations

import argparse
from pathlib import Path

from s3gw.cli.commands import Misused, Parser
from s3gw.cli.endpoint import FILE, add_object, connect, describe_asking
from s3gw.cli.tables import json_text
from s3gw.client.files import add_to_archive

_EXAMPLES = """\
  s3gw archive put 7.jpg ais://shards/0001.tar                       as 7.jpg
  s3gw archive put 7.jpg ais://shards/0001.tar --archpath images/7.jpg
  s3gw archive put *.jpg ais://shards/0001.tar --folder images
  s3gw archive put 7.jpg ais://shards/new.tar --create               made if it is not there"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("files", metavar=FILE, nargs="+")
    add_object(parser, "archive")
    named = parser.add_mutually_exclusive_group()
    named.add_argument("--archpath", metavar="MEMBER", help="its name in the archive")
    named.add_argument("--folder", metavar="NAME", default="", help="where in the archive")
    parser.add_argument("--create", action="store_true", help="make an archive that is missing")


def run(args: argparse.Namespace) -> int:
    members = {_member(args, Path(file)): Path(file) for file in args.files}
    if len(members) < len(args.files):
        raise Misused("Several files cannot be one member: --archpath names one.")
    for file in members.values():
        if not file.is_file():
            raise Misused(f"There is no file {file}.")
    with connect(args) as client:
        for member, file in members.items():
            add_to_archive(client, file, args.archive, member, creates=args.create)
            if not args.json:
                print(f"Added {file} to {args.archive} as {member}.")
    if args.json:
        print(json_text({"archive": str(args.archive), "members": list(members)}))
    return 0


def _member(args: argparse.Namespace, file: Path) -> str:
    if args.archpath:
        return str(args.archpath)
    folder = args.folder.strip("/")
    return f"{folder}/{file.name}" if folder else file.name
