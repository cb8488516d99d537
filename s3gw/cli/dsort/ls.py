"""`s3gw dsort ls`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.dsort.watching import as_document
from s3gw.cli.job.ls import time_text
from s3gw.cli.parameters import option, switch
from s3gw.cli.parsing import Command
from s3gw.cli.progress import size_text
from s3gw.cli.tables import json_text, print_table, printable
from s3gw.client.sorting import Sort, list_sorts

_EXAMPLES = """\
  s3gw dsort ls                       those that run
  s3gw dsort ls --all                 those that are over, too
  s3gw dsort ls --all --regex '^nightly'"""
_HEAD = ("DSORT", "STATE", "FROM", "TO", "RECORDS>", "SIZE>", "SHARDS>", "STARTED", "DESCRIPTION")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    all: bool = switch("-a", help="those that are over, too")
    regex: str = option("REGEX", default="", help="only those whose description matches")


def run(options: Options) -> int:
    with connect(options) as client:
        found = client.call(list_sorts(options.regex, only_active=not options.all))
    if options.json:
        print(json_text([as_document(sort) for sort in found]))
        return 0
    none = "No dsort is running. --all shows those that are over."
    print_table(_HEAD, [_row(sort) for sort in found], "There are none." if options.all else none)
    return 0


def _row(sort: Sort) -> tuple[str, ...]:
    return (
        sort.id,
        sort.state,
        str(sort.source),
        str(sort.target),
        str(sort.records),
        size_text(sort.bytes),
        f"{sort.created}/{sort.to_create}",
        time_text(sort.started),
        printable(sort.description) or "-",
    )


COMMAND = Command(Options, run, _EXAMPLES)
