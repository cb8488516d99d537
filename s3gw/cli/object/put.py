"""`s3gw object put`"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from s3gw.cli.commands import Misused, Parser
from s3gw.cli.endpoint import FILE, PAIR, add_place, connect, describe_asking, pair, pairs_in
from s3gw.cli.tables import printable
from s3gw.cli.transfers import Transfer, report, transfer_all
from s3gw.client.files import Meter, upload_file, upload_stream
from s3gw.client.names import ObjectName
from s3gw.client.transport import Client

_EXAMPLES = """\
  s3gw object put index.json ais://shards                  as index.json
  s3gw object put index.json ais://shards/train/           as train/index.json
  s3gw object put index.json ais://shards/train/all.json   as train/all.json
  s3gw object put -r ./train ais://shards/train/           all files below the folder
  s3gw object put *.tar ais://shards --jobs 16
  tar c ./train | s3gw object put - ais://shards/train.tar
  s3gw object put run.log ais://logs --custom run=17 --no-overwrite

Every object is sent with its checksum, and the server keeps it only if that is right. Links to
files are followed, links to folders are not."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("files", metavar=FILE, nargs="+", help="- is the standard input")
    add_place(parser, "target", help="a place that ends in / is a folder")
    parser.add_argument("-r", "--recursive", action="store_true", help="folders with all in them")
    parser.add_argument("--jobs", metavar="N", type=int, default=8, help="at once (default: 8)")
    parser.add_argument(
        "--custom", metavar=PAIR, action="append", type=pair, default=[], help="may be repeated"
    )
    parser.add_argument(
        "--no-overwrite", action="store_true", help="fail where there is an object of that name"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be put where")
    parser.add_argument("-v", "--verbose", action="store_true", help="name every file")


def run(args: argparse.Namespace) -> int:
    headers = _headers(args)
    if "-" in args.files:
        return _put_stdin(args, headers)
    pairs = list(_pairs(args))
    if args.dry_run:
        for file, name in pairs:
            print(f"{printable(str(file))} to {printable(str(name))}")
        return 0
    with connect(args) as client:
        transfers = [_transfer(client, file, name, headers) for file, name in pairs]
        outcome = transfer_all(client, "put", transfers, at_once=args.jobs)
    return report(outcome, "Put", as_json=args.json, is_verbose=args.verbose)


def _put_stdin(args: argparse.Namespace, headers: Mapping[str, str]) -> int:
    if args.files != ["-"]:
        raise Misused("The standard input is put alone.")
    name = args.target
    if not name.base or name.key.endswith("/"):
        raise Misused(f"{name} is no object's name: what shall the standard input be called?")
    with connect(args) as client:

        def work(meter: Meter) -> int:
            return upload_stream(client, sys.stdin.buffer, name, headers=headers)

        transfer = Transfer("-", str(name), work)
        outcome = transfer_all(client, "put", [transfer], at_once=1)
    return report(outcome, "Put", as_json=args.json, is_verbose=args.verbose)


def _headers(args: argparse.Namespace) -> dict[str, str]:
    custom = pairs_in(args.custom)
    headers = {"If-None-Match": "*"} if args.no_overwrite else {}
    if any("," in text for text in custom.values()):
        raise Misused("--custom: a comma in a value cannot be sent; `s3gw object set-custom` can.")
    if custom:
        joined = ", ".join(f"{name}={text}" for name, text in custom.items())
        headers["Ais-Custom-Md"] = joined.encode().decode("latin-1")
    return headers


def _pairs(args: argparse.Namespace) -> Iterator[tuple[Path, ObjectName]]:
    """Each file, and the object that it becomes."""
    target: ObjectName = args.target
    is_folder = not target.key or target.key.endswith("/")
    for file in map(Path, args.files):
        if file.is_dir():
            if not args.recursive:
                raise Misused(f"{file} is a folder: -r puts all files in it.")
            yield from _below(file, target)
        elif not file.exists():
            raise Misused(f"There is no file {file}.")
        elif is_folder:
            yield file, ObjectName(target.bck, target.key + file.name)
        elif len(args.files) > 1:
            raise Misused(f"Several files go into a folder: {target}/")
        else:
            yield file, target


def _below(folder: Path, target: ObjectName) -> Iterator[tuple[Path, ObjectName]]:
    above = target.key if not target.key or target.key.endswith("/") else f"{target.key}/"
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            file = Path(parent, name)
            key = above + file.relative_to(folder).as_posix()
            yield file, ObjectName(target.bck, key)


def _transfer(client: Client, file: Path, name: ObjectName, headers: Mapping[str, str]) -> Transfer:
    try:
        size = file.stat().st_size
    except OSError:
        size = 0
    work = partial(_upload, client, file, name, headers)
    return Transfer(str(file), str(name), work, size)


def _upload(
    client: Client, file: Path, name: ObjectName, headers: Mapping[str, str], meter: Meter
) -> int:
    return upload_file(client, file, name, headers=headers, meter=meter)
