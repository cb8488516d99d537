"""`s3gw etl start`"""

from __future__ import annotations

from s3gw.cli.etl.by_name import Options, run_for_each
from s3gw.cli.parsing import Command
from s3gw.client.etl import start_etl


def run(options: Options) -> int:
    return run_for_each(options, start_etl, "Started")


COMMAND = Command(Options, run, "  s3gw etl start resize")
