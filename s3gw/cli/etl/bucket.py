"""`s3gw etl bucket`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import BUCKET, ETL, PAIR, PLACE, Pair, dict_of, read_pair
from s3gw.cli.connection import connect
from s3gw.cli.copy_flags import CopyFlags
from s3gw.cli.job_wait import JobOptions, follow
from s3gw.cli.parameters import argument, included, repeated
from s3gw.cli.parsing import Command
from s3gw.client.etl import transform_bucket
from s3gw.client.names import Bck, ObjectName, read_bucket, read_place

_EXAMPLES = """\
  s3gw etl bucket resize ais://photos ais://small
  s3gw etl bucket resize ais://photos/2026/ ais://small --ext png=jpg
  s3gw etl bucket resize ais://photos ais://small --then sharpen --continue-on-error
  s3gw etl bucket check ais://photos ais://photos --dry-run --continue-on-error

A dry run transforms the objects, and writes nothing. `s3gw etl show` has what failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(JobOptions):
    etl: str = argument(ETL)
    source: ObjectName = argument(PLACE, read=read_place)
    target: Bck = argument(BUCKET, read=read_bucket)
    then: tuple[str, ...] = repeated("ETL", help="a further transformer; may be repeated")
    ext: tuple[Pair, ...] = repeated(
        PAIR, read=read_pair, help="an extension of the results: png=jpg; may be repeated"
    )
    copy: CopyFlags = included(CopyFlags, "how many objects are copied")


def run(options: Options) -> int:
    source, target = options.source, options.target
    etls, orders = (options.etl, *options.then), options.copy.orders(source.key)
    with connect(options) as client:
        order = transform_bucket(source.bck, target, etls, orders, dict_of(options.ext))
        job_id = client.call(order)
        verb = "Tried" if options.copy.dry_run else "Transformed"
        done = f"{verb} {source} to {target}"
        return follow(client, options, job_id, done)


COMMAND = Command(Options, run, _EXAMPLES)
