"""`s3gw dsort show`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import JOB
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.job.ls import time_text
from s3gw.cli.parameters import argument
from s3gw.cli.parsing import Command
from s3gw.cli.progress import size_text
from s3gw.cli.tables import facts, json_text, printable
from s3gw.client.sorting import Sort, find_sort

_EXAMPLES = """\
  s3gw dsort show srt-Zm9vYmFy
  s3gw dsort show srt-Zm9vYmFy --json     the server's own documents, one per target"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    job: str = argument(JOB)


def run(options: Options) -> int:
    with connect(options) as client:
        sort = client.call(find_sort(options.job))
    print(json_text(dict(sort.documents)) if options.json else facts(_rows(sort)))
    return 0


def _rows(sort: Sort) -> list[tuple[str, str]]:
    rows = [
        ("dsort", sort.id),
        ("description", printable(sort.description) or "-"),
        ("state", sort.state),
        ("bucket", f"{sort.source} to {sort.target}"),
        ("started", time_text(sort.started)),
        ("ended", time_text(sort.ended)),
        ("extracted", f"{sort.shards} of {sort.total} shards"),
        ("records", f"{sort.records}, {size_text(sort.bytes)}"),
        ("created", f"{sort.created} of {sort.to_create} shards"),
    ]
    rows += [("warning", printable(text)) for text in sort.warnings]
    return [*rows, ("error", printable(sort.error))] if sort.error else rows


COMMAND = Command(Options, run, _EXAMPLES)
