"""Commands that do one thing to each of the transformations that are named."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import ETL, connect, describe_asking
from s3gw.cli.tables import json_text
from s3gw.client.transport import Client


def describe_each(parser: Parser, run: Callable[[argparse.Namespace], int], examples: str) -> None:
    describe_asking(parser, run, examples)
    parser.add_argument("etls", metavar=ETL, nargs="+")


def do_each(args: argparse.Namespace, work: Callable[[Client, str], None], done: str) -> int:
    """`done` is the word for it, such as `Stopped`."""
    with connect(args) as client:
        for name in args.etls:
            work(client, name)
            if not args.json:
                print(f"{done} {name}.")
    if args.json:
        print(json_text({done.lower(): args.etls}))
    return 0
