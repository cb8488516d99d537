"""`s3gw job wait`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import JOB
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.job_wait import JobOptions, WaitFlags, follow
from s3gw.cli.parameters import arguments, option
from s3gw.cli.parsing import Command

_EXAMPLES = """\
  s3gw job wait cpy-Zm9vYmFy
  s3gw job wait $(s3gw bucket cp ais://shards ais://backup --no-wait) --timeout 600

A terminal shows the progress. The exit code is 1 for a job that failed or was stopped, and when the
timeout was reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    jobs: tuple[str, ...] = arguments(JOB)
    timeout: float = option("SECONDS", read=float, default=0.0, help="wait no longer")


def run(options: Options) -> int:
    with connect(options) as client:
        how = JobOptions(json=options.json, wait=WaitFlags(timeout=options.timeout))
        return follow(client, how, ",".join(options.jobs), "Done")


COMMAND = Command(Options, run, _EXAMPLES)
