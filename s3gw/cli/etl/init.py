"""`s3gw etl init`"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass
from pathlib import Path

from s3gw.cli.arguments import ETL, PAIR, Pair, dict_of, read_pair
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, option, repeated, several
from s3gw.cli.parsing import Command, Misused
from s3gw.cli.tables import json_text
from s3gw.client.etl import EtlSpec, init_etl

_EXAMPLES = """\
  s3gw etl init resize --file resize.py --env SIZE=224   a class of the SDK's ETL servers
  s3gw etl init resize --exec /opt/etl/resize fast       a program of the server's machine
  s3gw etl init resize --url http://gpu-1:8000           one that runs already
  s3gw etl init resize --image registry/resize           a container, for AIStore

A program listens on 127.0.0.1 and the port of the variable PORT, and answers GET /health."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    etl: str = argument(ETL)
    image: str = option("IMAGE", default="", help="a container; for s3gw a label")
    file: str = option("FILE", default="", help="a Python file with one class of an ETL server")
    url: str = option("URL", default="", help="where it runs already")
    communication: str = option(
        None,
        default="hpush",
        choices=("hpush", "hpull", "ws"),
        help="how it gets the objects (default: hpush)",
    )
    obj_timeout: str = option(
        "TIME", default="45s", help="how long one object may take (default: 45s)"
    )
    env: tuple[Pair, ...] = repeated(
        PAIR, read=read_pair, help="a variable of its environment; may be repeated"
    )
    command: tuple[str, ...] = several("WORD", flag="--exec", help="its command, in words")


def run(options: Options) -> int:
    with connect(options) as client:
        job = client.call(init_etl(_spec(options)))
    document = {"etl": options.etl, "job": job}
    print(json_text(document) if options.json else f"Started {options.etl} ({job}).")
    return 0


def _spec(options: Options) -> EtlSpec:
    given = [options.file, options.url, options.command]
    if sum(map(bool, given)) > 1 or not (options.image or any(given)):
        raise Misused("Name one of --file, --exec, --url and --image.")
    image, env = options.image, dict_of(options.env)
    if options.file:
        version = ".".join(map(str, sys.version_info[:2]))
        image = image or f"aistorage/runtime_python:{version}"
        env["ETL_SCRIPT"] = base64.b64encode(Path(options.file).read_bytes()).decode()
    return EtlSpec(
        options.etl,
        image,
        options.communication,
        options.command,
        env,
        obj_timeout=options.obj_timeout,
        url=options.url,
    )


COMMAND = Command(Options, run, _EXAMPLES)
