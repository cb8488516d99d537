"""`s3gw etl init`"""

from __future__ import annotations

from dataclasses import MISSING, dataclass

from s3gw.cli.arguments import ETL, PAIR, Pair, dict_of, read_pair
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, option, repeated, several
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text
from s3gw.client.etl import EtlSpec, init_etl

_EXAMPLES = """\
  s3gw etl init resize --image aistorage/transformer_md5:latest
  s3gw etl init resize --image registry/resize --communication hpull --env SIZE=224"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    etl: str = argument(ETL)
    image: str = option("IMAGE", default=MISSING, help="the container that transforms")
    communication: str = option(
        None,
        default="hpush",
        choices=("hpush", "hpull", "ws"),
        help="how it gets the objects (default: hpush)",
    )
    env: tuple[Pair, ...] = repeated(
        PAIR, read=read_pair, help="a variable of the container; may be repeated"
    )
    command: tuple[str, ...] = several(
        "WORD", flag="--exec", help="the command of the container, in words"
    )


def run(options: Options) -> int:
    env = dict_of(options.env)
    orders = EtlSpec(options.etl, options.image, options.communication, options.command, env)
    with connect(options) as client:
        job = client.call(init_etl(orders))
    document = {"etl": options.etl, "job": job}
    print(json_text(document) if options.json else f"Started {options.etl} ({job}).")
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
