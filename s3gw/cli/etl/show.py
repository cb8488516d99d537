"""`s3gw etl show`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import ETL
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument
from s3gw.cli.parsing import Command
from s3gw.cli.tables import facts, json_text
from s3gw.client.etl import show_etl

_EXAMPLES = """\
  s3gw etl show resize
  s3gw etl show resize --json"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    etl: str = argument(ETL)


def run(options: Options) -> int:
    with connect(options) as client:
        document = client.call(show_etl(options.etl))
    if options.json:
        print(json_text(document))
        return 0
    message = document.get("init_msg") or {}
    rows = [(name, str(value)) for name, value in message.items() if value not in ("", None)]
    errors = document.get("obj_errors") or ()
    print(facts([*rows, ("failed objects", str(len(errors)))]))
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
