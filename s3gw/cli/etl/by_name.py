"""Commands that do the same to each of several transformations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from s3gw.cli.arguments import ETL
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import arguments
from s3gw.cli.tables import json_text
from s3gw.client.call import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    etls: tuple[str, ...] = arguments(ETL)


def run_for_each(options: Options, call_for: Callable[[str], Call[None]], done: str) -> int:
    """Apply an action to each transformation; `done` is its word, such as `Stopped`."""
    with connect(options) as client:
        for name in options.etls:
            client.call(call_for(name))
            if not options.json:
                print(f"{done} {name}.")
    if options.json:
        print(json_text({done.lower(): options.etls}))
    return 0
