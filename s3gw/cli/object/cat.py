"""`s3gw object cat`"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from s3gw.cli.arguments import OBJECT
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.object.read_flags import ReadFlags
from s3gw.cli.parameters import arguments, included
from s3gw.cli.parsing import Command, Misused
from s3gw.client.files import download
from s3gw.client.names import ObjectName, read_object

_EXAMPLES = """\
  s3gw object cat ais://logs/today.log | tail
  s3gw object cat ais://shards/part-1 ais://shards/part-2 > whole
  s3gw object cat ais://logs/today.log --range=-1000
  s3gw object cat ais://shards/0001.tar --archpath labels/7.txt

If the checksum of an object is wrong, the exit code is 1, after the object was printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    objects: tuple[ObjectName, ...] = arguments(OBJECT, read=read_object)
    read: ReadFlags = included(ReadFlags)


def run(options: Options) -> int:
    if options.json:
        raise Misused("--json cannot be used here: the output is the object itself.")
    with connect(options) as client:
        for name in options.objects:
            client.receive(download(name, options.read.object_read, sys.stdout.buffer))
            sys.stdout.buffer.flush()
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
