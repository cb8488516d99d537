"""Commands that do the same to each of several dsorts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from s3gw.cli.arguments import JOB
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import arguments
from s3gw.cli.tables import json_text
from s3gw.client.call import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    jobs: tuple[str, ...] = arguments(JOB)


def run_for_each(options: Options, call_for: Callable[[str], Call[None]], done: str) -> int:
    """Apply an action to each dsort; `done` is its word, such as `Aborted`."""
    with connect(options) as client:
        for job_id in options.jobs:
            client.call(call_for(job_id))
            if not options.json:
                print(f"{done} {job_id}.")
    if options.json:
        print(json_text({done.lower(): options.jobs}))
    return 0
