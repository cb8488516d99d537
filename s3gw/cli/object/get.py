"""`s3gw object get`"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from s3gw.cli.arguments import FILE, PLACE
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.object.read_flags import ReadFlags
from s3gw.cli.parameters import argument, included, option, switch
from s3gw.cli.parsing import FAILED, Command, Misused
from s3gw.cli.tables import json_text
from s3gw.cli.transfers import Transfer, report, transfer_all
from s3gw.client.errors import ClientError
from s3gw.client.files import Meter, download, download_file
from s3gw.client.listing import ListQuery, list_objects
from s3gw.client.names import ObjectName, read_place
from s3gw.client.objects import ObjectRead
from s3gw.client.sync import Client

_EXAMPLES = """\
  s3gw object get ais://shards/train/0001.tar              as ./0001.tar
  s3gw object get ais://shards/train/0001.tar /data/       into the folder
  s3gw object get ais://shards/train/0001.tar - | tar t    to the standard output
  s3gw object get -r ais://shards/train/ ./train           all that begins with train/
  s3gw object get ais://shards/0001.tar head --range 0-1023
  s3gw object get ais://shards/0001.tar --archpath images/7.jpg
  s3gw object get ais://photos/1.jpg small.jpg --etl resize

A file appears only when it is complete and its checksum is right. One that was there keeps its
mode and its owner, and a symbolic link is followed. A device or a pipe is written into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    source: ObjectName = argument(PLACE, read=read_place)
    target: str = argument(FILE, default="", help="a file, a folder, or - (default: .)")
    recursive: bool = switch("-r", help="all objects below a folder")
    jobs: int = option("N", read=int, default=8, help="transfers at once (default: 8)")
    verbose: bool = switch("-v", help="print the name of every file")
    read: ReadFlags = included(ReadFlags)


def run(options: Options) -> int:
    if options.recursive:
        return _get_many(options)
    source = options.source
    if not source.base or source.key.endswith("/"):
        raise Misused(f"{source} is not an object: -r gets all objects below it.")
    if options.target == "-":
        return _to_stdout(options)
    file = _file_for(options)
    with connect(options) as client:
        work = partial(_download, client, source, file, options.read.object_read)
        transfers = [Transfer(str(source), str(file), work)]
        outcome = transfer_all(client, "get", transfers, at_once=1)
    return report(outcome, "Got", as_json=options.json, is_verbose=options.verbose)


def _to_stdout(options: Options) -> int:
    if options.json:
        raise Misused("--json and the object cannot both go to the standard output.")
    with connect(options) as client:
        client.receive(download(options.source, options.read.object_read, sys.stdout.buffer))
    return 0


def _file_for(options: Options) -> Path:
    member = options.read.archpath
    name = Path(member).name if member else options.source.base
    if name in ("", ".", ".."):
        raise Misused(f"{name!r} cannot be the name of a file: name one.")
    if not options.target:
        return Path(name)
    target = Path(options.target)
    return target / name if options.target.endswith("/") or target.is_dir() else target


def _get_many(options: Options) -> int:
    if options.read.range or options.read.archpath or options.target == "-":
        raise Misused("-r gets whole objects into a folder.")
    folder = Path(options.target or ".")
    with connect(options) as client:
        transfers = list(_transfers(client, options.source, folder))
        if not transfers:
            return _nothing(options)
        outcome = transfer_all(client, "get", transfers, at_once=options.jobs)
    return report(outcome, "Got", as_json=options.json, is_verbose=options.verbose)


def _nothing(options: Options) -> int:
    if options.json:
        print(json_text({"done": [], "failed": [], "bytes": 0}))
    print(f"s3gw: No object's name begins with {options.source}.", file=sys.stderr)
    return FAILED


def _transfers(client: Client, source: ObjectName, folder: Path) -> Iterator[Transfer]:
    """Return a transfer for each object; files are named below the last `/` of the prefix."""
    cut = source.key.rfind("/") + 1
    for entry in client.items(list_objects(ListQuery(source))):
        name = ObjectName(source.bck, entry.name)
        below = entry.name[cut:]
        work = partial(_download_below, client, name, folder, below)
        yield Transfer(str(name), str(folder / below), work, entry.size)


def _download_below(
    client: Client, name: ObjectName, folder: Path, below: str, meter: Meter
) -> int:
    """Download to a file below the folder. Raises `ClientError` for a name that is not a file's, or
    leads out of the folder."""
    parts = below.removesuffix("/").split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ClientError(
            f"{name} cannot be a file below {folder}",
            next_step="Get it alone with `s3gw object get`, and name the file.",
        )
    file = folder.joinpath(*parts)
    try:
        (file if below.endswith("/") else file.parent).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClientError(f"{file.parent} cannot be created: {error.strerror or error}") from None
    return 0 if below.endswith("/") else _download(client, name, file, ObjectRead(), meter)


def _download(client: Client, name: ObjectName, file: Path, what: ObjectRead, meter: Meter) -> int:
    return client.receive(download_file(name, file, what, meter))


COMMAND = Command(Options, run, _EXAMPLES)
