"""`s3gw archive cat`"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from s3gw.cli.arguments import OBJECT
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, arguments
from s3gw.cli.parsing import Command, Misused
from s3gw.client.files import download
from s3gw.client.names import ObjectName, read_object
from s3gw.client.objects import ObjectRead

_EXAMPLES = """\
  s3gw archive cat ais://shards/0001.tar labels/7.txt
  s3gw archive cat ais://shards/0001.tar labels/7.txt labels/8.txt"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    archive: ObjectName = argument(OBJECT, read=read_object)
    members: tuple[str, ...] = arguments("MEMBER")


def run(options: Options) -> int:
    if options.json:
        raise Misused("--json cannot be used here: the output is the member itself.")
    with connect(options) as client:
        for member in options.members:
            client.receive(download(options.archive, ObjectRead(member=member), sys.stdout.buffer))
            sys.stdout.buffer.flush()
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
