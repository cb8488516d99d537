"""`s3gw archive get`"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from s3gw.cli.archive.choosing import add_choosing, wanted
from s3gw.cli.commands import Misused, Parser
from s3gw.cli.endpoint import FILE, add_object, connect, describe_asking
from s3gw.cli.transfers import Transfer, report, transfer_all
from s3gw.client.files import Meter, download, download_file
from s3gw.client.names import ObjectName
from s3gw.client.objects import Wanted
from s3gw.client.transport import Client

_EXAMPLES = """\
  s3gw archive get ais://shards/0001.tar images/7.jpg             as ./7.jpg
  s3gw archive get ais://shards/0001.tar images/7.jpg /tmp/       into the folder
  s3gw archive get ais://shards/0001.tar --regex '\\.jpg$' all.tar   all that match, as a tar
  s3gw archive get ais://shards/0001.tar --wdskey images/0007 - | tar x"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_object(parser, "archive")
    parser.add_argument(
        "names",
        metavar=f"[MEMBER] [{FILE}]",
        nargs="*",
        help="a member, unless some are selected, and where it goes; - is the standard output",
    )
    add_choosing(parser)


def run(args: argparse.Namespace) -> int:
    what, target = _what_and_where(args)
    if target == "-":
        return _to_stdout(args, what)
    file = _file_for(args, what, target)
    with connect(args) as client:
        source = f"{args.archive}/{what.member or what.pattern}"
        work = partial(_download, client, args.archive, file, what)
        outcome = transfer_all(client, "get", [Transfer(source, str(file), work)], at_once=1)
    return report(outcome, "Got", as_json=args.json, is_verbose=False)


def _what_and_where(args: argparse.Namespace) -> tuple[Wanted, str]:
    """Raises `Misused`."""
    names = list(args.names)
    what = wanted(args, "" if args.mode else names.pop(0) if names else "")
    if len(names) > 1:
        raise Misused(f"One file, please: {' and '.join(names)} are more.")
    return what, names[0] if names else ""


def _file_for(args: argparse.Namespace, what: Wanted, target: str) -> Path:
    name = Path(what.member).name if what.member else f"selected-{Path(args.archive.base).stem}.tar"
    if name in ("", ".."):
        raise Misused(f"{what.member!r} cannot be a file's name: say how to call it.")
    if not target:
        return Path(name)
    return Path(target) / name if target.endswith("/") or Path(target).is_dir() else Path(target)


def _to_stdout(args: argparse.Namespace, what: Wanted) -> int:
    if args.json:
        raise Misused("--json and the member cannot both go to the standard output.")
    with connect(args) as client:
        download(client, args.archive, what, sys.stdout.buffer)
    return 0


def _download(client: Client, name: ObjectName, file: Path, what: Wanted, meter: Meter) -> int:
    return download_file(client, name, file, what, meter)
