"""`s3gw archive get`"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from s3gw.cli.archive.member_selection import TITLE, MemberFlags
from s3gw.cli.arguments import FILE, OBJECT
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, arguments, included
from s3gw.cli.parsing import Command, Misused
from s3gw.cli.transfers import Transfer, report, transfer_all
from s3gw.client.files import Meter, download, download_file
from s3gw.client.names import ObjectName, read_object
from s3gw.client.objects import ObjectRead
from s3gw.client.sync import Client

_EXAMPLES = """\
  s3gw archive get ais://shards/0001.tar images/7.jpg             as ./7.jpg
  s3gw archive get ais://shards/0001.tar images/7.jpg /tmp/       into the folder
  s3gw archive get ais://shards/0001.tar --regex '\\.jpg$' all.tar   all that match, as a tar
  s3gw archive get ais://shards/0001.tar --wdskey images/0007 - | tar x"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    archive: ObjectName = argument(OBJECT, read=read_object)
    names: tuple[str, ...] = arguments(
        f"[MEMBER] [{FILE}]",
        at_least=0,
        help="a member, unless several are selected, and a file for it; - is the standard output",
    )
    members: MemberFlags = included(MemberFlags, TITLE)


def run(options: Options) -> int:
    what, target = _what_and_where(options)
    if target == "-":
        return _to_stdout(options, what)
    file = _file_for(options.archive, what, target)
    with connect(options) as client:
        source = f"{options.archive}/{what.member or what.pattern}"
        work = partial(_download, client, options.archive, file, what)
        outcome = transfer_all(client, "get", [Transfer(source, str(file), work)], at_once=1)
    return report(outcome, "Got", as_json=options.json, is_verbose=False)


def _what_and_where(options: Options) -> tuple[ObjectRead, str]:
    """Return the read, and the name of the file to write. Raises `Misused`."""
    names = list(options.names)
    member = names.pop(0) if names and options.members.pattern is None else ""
    what = options.members.object_read(member)
    if len(names) > 1:
        raise Misused(f"Name one file only, not {' and '.join(names)}.")
    return what, names[0] if names else ""


def _file_for(archive: ObjectName, what: ObjectRead, target: str) -> Path:
    name = Path(what.member).name if what.member else f"selected-{Path(archive.base).stem}.tar"
    if name in ("", ".."):
        raise Misused(f"{what.member!r} cannot be the name of a file: name one.")
    if not target:
        return Path(name)
    return Path(target) / name if target.endswith("/") or Path(target).is_dir() else Path(target)


def _to_stdout(options: Options, what: ObjectRead) -> int:
    if options.json:
        raise Misused("--json and the member cannot both go to the standard output.")
    with connect(options) as client:
        client.receive(download(options.archive, what, sys.stdout.buffer))
    return 0


def _download(client: Client, name: ObjectName, file: Path, what: ObjectRead, meter: Meter) -> int:
    return client.receive(download_file(name, file, what, meter))


COMMAND = Command(Options, run, _EXAMPLES)
