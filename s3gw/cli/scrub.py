"""`s3gw scrub`"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from s3gw.cli.parameters import arguments, option, switch
from s3gw.cli.parsing import Command
from s3gw.cli.progress import Progress, size_text
from s3gw.config.types import Size
from storage.backends.local import LocalStore
from storage.backends.local.scrub import Scrubbed, require_usable, scrub

_EXAMPLES = """\
  s3gw scrub s3gw-data
  s3gw scrub /disk1 /disk2 --rate 50MiB
  s3gw scrub /disk1 /disk2 --json

It may run beside the server. It reads every byte, verifies every checksum, reports damage and
changes nothing. The exit code is 1 when there is damage."""
RATE_HELP = "read at most this per second, like 50MiB"
_RATE = Size(1, 1 << 50)


def read_rate(text: str) -> int:
    try:
        return _RATE.read(_RATE.from_text(text))
    except ValueError:
        raise ValueError(f"{text!r} is not {_RATE.allowed}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    data: tuple[Path, ...] = arguments("DATA", read=Path, help="all data folders")
    json: bool = switch(help="print JSON, for programs")
    rate: int | None = option(
        "BYTES", read=read_rate, help="read at most this per second, like 50MiB"
    )


def run(options: Options) -> int:
    require_usable(options.data)
    with Progress("scrub", _stored_bytes(options.data), sys.stderr) as bar:
        result = scrub(
            options.data,
            rate_bytes_s=options.rate,
            progress=lambda done: bar.show(done.read_bytes, f"{len(done.damage)} damaged"),
        )
    print(as_json(result) if options.json else as_text(result))
    return 1 if result.damage else 0


COMMAND = Command(Options, run, _EXAMPLES)


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
