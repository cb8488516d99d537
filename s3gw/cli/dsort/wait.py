"""`s3gw dsort wait`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import JOB
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.dsort.watching import watch
from s3gw.cli.parameters import argument, option
from s3gw.cli.parsing import Command

_EXAMPLES = """\
  s3gw dsort wait srt-Zm9vYmFy
  s3gw dsort wait $(s3gw dsort start spec.json --no-wait) --timeout 600

A terminal shows the progress. The exit code is 1 for one that was aborted, and when the timeout was
reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    job: str = argument(JOB)
    timeout: float = option("SECONDS", read=float, default=0.0, help="wait no longer")


def run(options: Options) -> int:
    with connect(options) as client:
        return watch(client, options.job, options.timeout, as_json=options.json)


COMMAND = Command(Options, run, _EXAMPLES)
