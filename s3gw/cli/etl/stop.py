"""`s3gw etl stop`"""

from __future__ import annotations

from s3gw.cli.etl.by_name import Options, run_for_each
from s3gw.cli.parsing import Command
from s3gw.client.etl import stop_etl


def run(options: Options) -> int:
    return run_for_each(options, stop_etl, "Stopped")


COMMAND = Command(Options, run, "  s3gw etl stop resize")
