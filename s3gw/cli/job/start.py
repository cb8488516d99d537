"""`s3gw job start`"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from s3gw.cli.arguments import BUCKET, KIND, PAIR, Pair, dict_of, read_pair
from s3gw.cli.bucket.properties import nested
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.job_wait import JobOptions, WaitFlags, follow
from s3gw.cli.parameters import argument, arguments, option, repeated, switch
from s3gw.cli.parsing import Command, Misused
from s3gw.client.jobs import start_job, start_on_bucket
from s3gw.client.names import Bck, read_bucket
from s3gw.client.sync import Client

_EXAMPLES = """\
  s3gw job start cleanup
  s3gw job start lru ais://shards --wait
  s3gw job start rechunk ais://shards --with objsize-limit=64MiB --with chunk-size=16MiB

Copies, removals and archives of many objects are jobs, too: `s3gw bucket cp`, `s3gw object rm`,
`s3gw archive create` start them. docs/jobs.md lists the kinds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    kind: str = argument(KIND)
    buckets: tuple[Bck, ...] = arguments(BUCKET, read=read_bucket, at_least=0)
    parameters: tuple[Pair, ...] = repeated(
        PAIR,
        read=read_pair,
        flag="--with",
        help="a parameter of the job, such as rechunk's chunk-size; may be repeated",
    )
    node: str = option("NODE", default="", help="on this target only")
    force: bool = switch(help="even where another job forbids it")
    wait: bool = switch(help="until it is done")


_UNITS = {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
_SIZE = re.compile(r"(\d+)([KMGT]iB)", re.IGNORECASE)


def run(options: Options) -> int:
    with connect(options) as client:
        job_id = _start(options, client)
        how = JobOptions(json=options.json, wait=WaitFlags(no_wait=not options.wait))
        done = f"Done with {options.kind}"
        return follow(client, how, job_id, done)


def _start(options: Options, client: Client) -> str:
    if not options.parameters:
        return client.call(
            start_job(options.kind, options.buckets, node=options.node, force=options.force)
        )
    if len(options.buckets) != 1:
        raise Misused(f"--with: a job {options.kind} with parameters needs exactly one bucket.")
    sizes = {name: _in_bytes(text) for name, text in dict_of(options.parameters).items()}
    value: Any = nested(sizes)
    if set(value) == {"copies"}:
        # The one parameter that AIStore has as a bare number.
        value = value["copies"]
    return client.call(start_on_bucket(options.kind, options.buckets[0], value))


def _in_bytes(text: str) -> str:
    """Return a size as a number of bytes; any other text as it is."""
    match = _SIZE.fullmatch(text)
    return str(int(match[1]) * _UNITS[match[2].upper()]) if match else text


COMMAND = Command(Options, run, _EXAMPLES)
