"""`s3gw scrub`"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from s3gw.cli.commands import Parser, describe
from s3gw.cli.progress import Progress, size_text
from s3gw.config.types import Size
from storage.backends.local import LocalStore
from storage.backends.local.scrub import Scrubbed, scrub

_EXAMPLES = """\
  s3gw scrub s3gw-data
  s3gw scrub /disk1 /disk2 --rate 50MiB
  s3gw scrub /disk1 /disk2 --json

It may run beside the server. It reads every byte, verifies every checksum, reports damage and
changes nothing. The exit code is 1 when there is damage."""
_RATE = Size(1, 1 << 50)


def define(parser: Parser) -> None:
    describe(parser, run, _EXAMPLES)
    parser.add_argument("data", metavar="DATA", nargs="+", type=Path, help="all data folders")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--rate", metavar="BYTES", type=_rate, help="read no more than this in a second, as 50MiB"
    )


def run(args: argparse.Namespace) -> int:
    with Progress("scrub", _stored_bytes(args.data), sys.stderr) as bar:
        result = scrub(
            args.data,
            rate_bytes_s=args.rate,
            progress=lambda done: bar.show(done.read_bytes, f"{len(done.damage)} damaged"),
        )
    print(as_json(result) if args.json else as_text(result))
    return 1 if result.damage else 0


def as_json(result: Scrubbed) -> str:
    return msgspec.json.format(msgspec.json.encode(result, enc_hook=str)).decode()


def as_text(result: Scrubbed) -> str:
    read = f"{result.objects} objects in {result.blobs} blobs, {size_text(result.read_bytes)}"
    if not result.damage:
        return f"All is well: {read}."
    lines = [f"{each.bucket}/{each.name}: {each.reason}" for each in result.damage]
    return "\n".join([*lines, f"{len(result.damage)} damaged of {read}."])


def _stored_bytes(paths: Sequence[Path]) -> int:
    async def ask() -> int:
        with closing(LocalStore.open(paths, slot="scrub")) as store:
            return (await store.usage()).stored_bytes

    return asyncio.run(ask())


def _rate(text: str) -> int:
    try:
        return _RATE.read(_RATE.from_text(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not {_RATE.allowed}") from None
