"""`s3gw config set`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import PAIR, Pair, dict_of, read_pair
from s3gw.cli.bucket.properties import flat, shown
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import arguments, switch
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text
from s3gw.client.cluster import cluster_config, set_config

_EXAMPLES = """\
  s3gw config set checksum.type=md5                 for buckets that are created from now on
  s3gw config set versioning.enabled=true --transient

Either all of them are changed, or none. Transient changes end with the server's process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    pairs: tuple[Pair, ...] = arguments(PAIR, read=read_pair)
    transient: bool = switch(help="until the next start")


def run(options: Options) -> int:
    pairs = dict_of(options.pairs)
    with connect(options) as client:
        client.call(set_config(pairs, is_transient=options.transient))
        now = dict(flat(client.call(cluster_config())))
    changed = {name: now.get(name) for name in pairs}
    if options.json:
        print(json_text(changed))
    else:
        print("\n".join(f"{name} = {shown(value)}" for name, value in changed.items()))
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
