"""`s3gw dsort abort`"""

from __future__ import annotations

from s3gw.cli.dsort.by_id import Options, run_for_each
from s3gw.cli.parsing import Command
from s3gw.client.sorting import abort_sort


def run(options: Options) -> int:
    return run_for_each(options, abort_sort, "Aborted")


COMMAND = Command(Options, run, "  s3gw dsort abort srt-Zm9vYmFy")
