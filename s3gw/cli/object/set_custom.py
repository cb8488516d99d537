"""`s3gw object set-custom`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import OBJECT, PAIR, Pair, dict_of, read_pair
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, arguments, switch
from s3gw.cli.parsing import Command, Misused
from s3gw.cli.tables import json_text
from s3gw.client.names import ObjectName, read_object
from s3gw.client.objects import set_custom

_EXAMPLES = """\
  s3gw object set-custom ais://shards/0001.tar epoch=3 source=camera
  s3gw object set-custom ais://shards/0001.tar epoch=4 --replace     removes all others

They are what S3 calls user metadata: at most 2 KiB, and names that a header can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    object: ObjectName = argument(OBJECT, read=read_object)
    pairs: tuple[Pair, ...] = arguments(PAIR, read=read_pair, at_least=0)
    replace: bool = switch(help="remove all other custom properties")


def run(options: Options) -> int:
    pairs = dict_of(options.pairs)
    if not pairs and not options.replace:
        raise Misused("Name a property, or --replace to remove all.")
    with connect(options) as client:
        client.call(set_custom(options.object, pairs, replaces=options.replace))
    document = {"object": str(options.object), "custom": pairs}
    print(json_text(document) if options.json else "Done.")
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
