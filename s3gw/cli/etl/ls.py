"""`s3gw etl ls`"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parsing import Command
from s3gw.cli.progress import size_text
from s3gw.cli.tables import json_text, print_table
from s3gw.client.etl import Etl, list_etls

_EXAMPLES = """\
  s3gw etl ls
  s3gw etl ls --json | jq -r '.[].name'"""
_HEAD = ("ETL", "STAGE", "JOB", "OBJECTS>", "IN>", "OUT>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    """The options of every command."""


def run(options: Options) -> int:
    with connect(options) as client:
        found = client.call(list_etls())
    if options.json:
        print(json_text([asdict(each) for each in found]))
    else:
        print_table(_HEAD, [_row(each) for each in found], "There are no transformations.")
    return 0


def _row(etl: Etl) -> tuple[str, ...]:
    sizes = size_text(etl.bytes_in), size_text(etl.bytes_out)
    return (etl.name, etl.stage, etl.job, str(etl.objects), *sizes)


COMMAND = Command(Options, run, _EXAMPLES)
