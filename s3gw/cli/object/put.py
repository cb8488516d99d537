"""`s3gw object put`"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from s3gw.cli.arguments import FILE, PAIR, PLACE, Pair, dict_of, read_pair
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, arguments, option, repeated, switch
from s3gw.cli.parsing import Command, Misused
from s3gw.cli.tables import printable
from s3gw.cli.transfers import Transfer, report, transfer_all
from s3gw.client.files import Meter, upload_file, upload_stream
from s3gw.client.names import ObjectName, read_place
from s3gw.client.sync import Client

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    files: tuple[str, ...] = arguments(FILE, help="- is the standard input")
    target: ObjectName = argument(PLACE, read=read_place, help="a place that ends in / is a folder")
    recursive: bool = switch("-r", help="folders and all files in them")
    jobs: int = option("N", read=int, default=8, help="transfers at once (default: 8)")
    custom: tuple[Pair, ...] = repeated(
        PAIR, read=read_pair, help="a custom property; may be repeated"
    )
    no_overwrite: bool = switch(help="fail if an object of that name exists")
    dry_run: bool = switch(help="print the names only, and put nothing")
    verbose: bool = switch("-v", help="print the name of every file")


def run(options: Options) -> int:
    headers = _headers(options)
    if "-" in options.files:
        return _put_stdin(options, headers)
    pairs = list(_pairs(options))
    if options.dry_run:
        for file, name in pairs:
            print(f"{printable(str(file))} to {printable(str(name))}")
        return 0
    with connect(options) as client:
        transfers = [_transfer(client, file, name, headers) for file, name in pairs]
        outcome = transfer_all(client, "put", transfers, at_once=options.jobs)
    return report(outcome, "Put", as_json=options.json, is_verbose=options.verbose)


def _put_stdin(options: Options, headers: Mapping[str, str]) -> int:
    if options.files != ("-",):
        raise Misused("The standard input cannot be put together with files.")
    name = options.target
    if not name.base or name.key.endswith("/"):
        raise Misused(f"{name} is not the name of an object: name one for the standard input.")
    with connect(options) as client:

        def work(meter: Meter) -> int:
            return client.run(upload_stream(sys.stdin.buffer, name, headers=headers))

        transfer = Transfer("-", str(name), work)
        outcome = transfer_all(client, "put", [transfer], at_once=1)
    return report(outcome, "Put", as_json=options.json, is_verbose=options.verbose)


def _headers(options: Options) -> dict[str, str]:
    custom = dict_of(options.custom)
    headers = {"If-None-Match": "*"} if options.no_overwrite else {}
    if any("," in text for text in custom.values()):
        raise Misused("--custom: a value cannot have a comma; use `s3gw object set-custom`.")
    if custom:
        joined = ", ".join(f"{name}={text}" for name, text in custom.items())
        headers["Ais-Custom-Md"] = joined
    return headers


def _pairs(options: Options) -> Iterator[tuple[Path, ObjectName]]:
    """Yield each file, and the object that it becomes. Raises `Misused`."""
    target = options.target
    is_folder = not target.key or target.key.endswith("/")
    for file in map(Path, options.files):
        if file.is_dir():
            if not options.recursive:
                raise Misused(f"{file} is a folder: -r puts all files in it.")
            yield from _below(file, target)
        elif not file.exists():
            raise Misused(f"The file {file} does not exist.")
        elif is_folder:
            yield file, ObjectName(target.bck, target.key + file.name)
        elif len(options.files) > 1:
            raise Misused(f"Several files can only be put into a folder: {target}/")
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
    return client.run(upload_file(file, name, headers=headers, meter=meter))


COMMAND = Command(Options, run, _EXAMPLES)
