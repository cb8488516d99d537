"""`s3gw object get`"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from s3gw.cli.commands import FAILED, Misused, Parser
from s3gw.cli.endpoint import FILE, add_place, connect, describe_asking
from s3gw.cli.object.reading import add_reading, wanted
from s3gw.cli.tables import json_text
from s3gw.cli.transfers import Transfer, report, transfer_all
from s3gw.client.errors import ClientError
from s3gw.client.files import Meter, download, download_file
from s3gw.client.listing import Asked, list_objects
from s3gw.client.names import ObjectName
from s3gw.client.objects import Wanted
from s3gw.client.transport import Client

_EXAMPLES = """\
  s3gw object get ais://shards/train/0001.tar              as ./0001.tar
  s3gw object get ais://shards/train/0001.tar /data/       into the folder
  s3gw object get ais://shards/train/0001.tar - | tar t    to the standard output
  s3gw object get -r ais://shards/train/ ./train           all that begins with train/
  s3gw object get ais://shards/0001.tar head --range 0-1023
  s3gw object get ais://shards/0001.tar --archpath images/7.jpg

A file takes its place when all of it is there and its checksum is right."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_place(parser, "source")
    parser.add_argument(
        "target", metavar=FILE, nargs="?", default="", help="a file, a folder, or - (default: .)"
    )
    parser.add_argument("-r", "--recursive", action="store_true", help="all below a folder")
    parser.add_argument("--jobs", metavar="N", type=int, default=8, help="at once (default: 8)")
    parser.add_argument("-v", "--verbose", action="store_true", help="name every file")
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    if args.recursive:
        return _get_many(args)
    if not args.source.base or args.source.key.endswith("/"):
        raise Misused(f"{args.source} is no object: -r gets all below it.")
    if args.target == "-":
        return _to_stdout(args)
    file = _file_for(args)
    with connect(args) as client:
        work = partial(_download, client, args.source, file, wanted(args))
        transfers = [Transfer(str(args.source), str(file), work)]
        outcome = transfer_all(client, "get", transfers, at_once=1)
    return report(outcome, "Got", as_json=args.json, is_verbose=args.verbose)


def _to_stdout(args: argparse.Namespace) -> int:
    if args.json:
        raise Misused("--json and the object cannot both go to the standard output.")
    with connect(args) as client:
        download(client, args.source, wanted(args), sys.stdout.buffer)
    return 0


def _file_for(args: argparse.Namespace) -> Path:
    name = Path(args.archpath).name if args.archpath else args.source.base
    if name in ("", ".", ".."):
        raise Misused(f"{name!r} cannot be a file's name: say how to call it.")
    if not args.target:
        return Path(name)
    target = Path(args.target)
    return target / name if args.target.endswith("/") or target.is_dir() else target


def _get_many(args: argparse.Namespace) -> int:
    if args.range or args.archpath or args.target == "-":
        raise Misused("-r gets whole objects into a folder.")
    folder = Path(args.target or ".")
    with connect(args) as client:
        transfers = list(_transfers(client, args.source, folder))
        if not transfers:
            return _nothing(args)
        outcome = transfer_all(client, "get", transfers, at_once=args.jobs)
    return report(outcome, "Got", as_json=args.json, is_verbose=args.verbose)


def _nothing(args: argparse.Namespace) -> int:
    if args.json:
        print(json_text({"done": [], "failed": [], "bytes": 0}))
    print(f"s3gw: Nothing begins with {args.source}.", file=sys.stderr)
    return FAILED


def _transfers(client: Client, source: ObjectName, folder: Path) -> Iterator[Transfer]:
    """The names below the last `/` of what was asked for."""
    cut = source.key.rfind("/") + 1
    for entry in list_objects(client, Asked(source)):
        name = ObjectName(source.bck, entry.name)
        below = entry.name[cut:]
        work = partial(_download_below, client, name, folder, below)
        yield Transfer(str(name), str(folder / below), work, entry.size)


def _download_below(
    client: Client, name: ObjectName, folder: Path, below: str, meter: Meter
) -> int:
    """Raises `ClientError` for a name that would be a file elsewhere, or none."""
    parts = below.removesuffix("/").split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ClientError(
            f"{name} cannot be a file below {folder}",
            next_step="`s3gw object get` gets it alone, under a name that you give.",
        )
    file = folder.joinpath(*parts)
    try:
        (file if below.endswith("/") else file.parent).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClientError(f"{file.parent} cannot be made: {error.strerror or error}") from None
    return 0 if below.endswith("/") else _download(client, name, file, Wanted(), meter)


def _download(client: Client, name: ObjectName, file: Path, what: Wanted, meter: Meter) -> int:
    return download_file(client, name, file, what, meter)
