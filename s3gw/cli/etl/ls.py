"""`s3gw etl ls`"""

from __future__ import annotations

import argparse
from dataclasses import asdict

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import connect, describe_asking
from s3gw.cli.progress import size_text
from s3gw.cli.tables import json_text, table
from s3gw.client.etl import Etl, list_etls

_EXAMPLES = """\
  s3gw etl ls
  s3gw etl ls --json | jq -r '.[].name'"""
_HEAD = ("ETL", "STAGE", "JOB", "OBJECTS>", "IN>", "OUT>")


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        found = list_etls(client)
    if args.json:
        print(json_text([asdict(each) for each in found]))
    else:
        print(table(_HEAD, [_row(each) for each in found], "There are no transformations."))
    return 0


def _row(etl: Etl) -> tuple[str, ...]:
    sizes = size_text(etl.bytes_in), size_text(etl.bytes_out)
    return (etl.name, etl.stage, etl.job, str(etl.objects), *sizes)
