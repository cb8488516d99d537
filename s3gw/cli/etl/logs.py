"""`s3gw etl logs`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import ETL
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text
from s3gw.client.etl import etl_logs

_EXAMPLES = """\
  s3gw etl logs resize
  s3gw etl logs resize --json"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    etl: str = argument(ETL)


def run(options: Options) -> int:
    with connect(options) as client:
        logs = client.call(etl_logs(options.etl))
    if options.json:
        print(json_text(logs))
        return 0
    for target, text in logs.items():
        print(f"--- {target}\n{text.rstrip()}")
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
