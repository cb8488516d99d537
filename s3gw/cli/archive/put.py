"""`s3gw archive put`"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from s3gw.cli.arguments import FILE, OBJECT
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, arguments, option, switch
from s3gw.cli.parsing import Command, Misused
from s3gw.cli.tables import json_text
from s3gw.client.files import add_to_archive
from s3gw.client.names import ObjectName, read_object

_EXAMPLES = """\
  s3gw archive put 7.jpg ais://shards/0001.tar                       as 7.jpg
  s3gw archive put 7.jpg ais://shards/0001.tar --archpath images/7.jpg
  s3gw archive put *.jpg ais://shards/0001.tar --folder images
  s3gw archive put 7.jpg ais://shards/new.tar --create               created if it does not exist"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    files: tuple[str, ...] = arguments(FILE)
    archive: ObjectName = argument(OBJECT, read=read_object)
    archpath: str = option("MEMBER", default="", help="its name in the archive", exclusive="member")
    folder: str = option("NAME", default="", help="a folder in the archive", exclusive="member")
    create: bool = switch(help="create an archive that does not exist")


def run(options: Options) -> int:
    members = {_member(options, Path(file)): Path(file) for file in options.files}
    if len(members) < len(options.files):
        raise Misused("Several files would be the same member: --archpath is for one file only.")
    for file in members.values():
        if not file.is_file():
            raise Misused(f"The file {file} does not exist.")
    with connect(options) as client:
        for member, file in members.items():
            client.run(add_to_archive(file, options.archive, member, creates=options.create))
            if not options.json:
                print(f"Added {file} to {options.archive} as {member}.")
    if options.json:
        print(json_text({"archive": str(options.archive), "members": list(members)}))
    return 0


def _member(options: Options, file: Path) -> str:
    if options.archpath:
        return options.archpath
    folder = options.folder.strip("/")
    return f"{folder}/{file.name}" if folder else file.name


COMMAND = Command(Options, run, _EXAMPLES)
