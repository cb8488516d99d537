"""`s3gw object find`"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from s3gw.cli.arguments import PLACE
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.object.ls import print_pages, read_props
from s3gw.cli.parameters import argument, option, repeated, switch
from s3gw.cli.parsing import Command
from s3gw.client.errors import ClientError
from s3gw.client.listing import PROPS, Entry
from s3gw.client.names import ObjectName, read_place
from s3gw.client.queries import FINISHED, Condition, begin_query, next_found
from s3gw.client.sync import Client

_EXAMPLES = """\
  s3gw object find ais://shards --size '>1MiB' --older 7d --ext jpg
  s3gw object find ais://shards/train/ --size '>=1KiB' --size '<1GiB'
  s3gw object find ais://shards --name '*-00[0-4]?.tar' --newer 1h --props size,atime
  s3gw object find ais://shards --regex '(cat|dog)_[0-9]+' --unread 30d
  s3gw object find ais://shards --ext tmp --names | xargs ...
  s3gw object find ais://shards --size '>1GiB' --json | jq -r '.[].name'

The server goes through its index. All conditions must be met. --older and --newer are about the
time of the last write, --unread is about the last read. A time is 90s, 15m, 12h, 7d or 2w; a size
is 10KiB, 1.5GiB or a number of bytes. --name is a pattern of the last part of a name, or with a
slash of the whole; --regex is RE2, found anywhere in the name."""
_PAGE = 1000
_NS = 1_000_000_000
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(<=|>=|<|>|=)?\s*([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([KMGT]?)(?:i?B)?", re.I)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_AGE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhdw])")


def _read_size(text: str) -> Condition:
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a size: use '>1MiB', '<=10KiB' or '=0'")
    sign, number, unit = found[1] or "=", float(found[2]), found[3].upper()
    size = int(number * _UNITS[unit]) if "." in found[2] else int(found[2]) * _UNITS[unit]
    match sign:
        case ">":
            return Condition("size_ge", (str(size + 1),))
        case ">=":
            return Condition("size_ge", (str(size),))
        case "<":
            return Condition("size_le", (str(size - 1),))
        case "<=":
            return Condition("size_le", (str(size),))
    return Condition("size", (str(size), str(size)))


def _read_age(text: str) -> float:
    """Return seconds."""
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a time: use 90s, 15m, 12h, 7d or 2w")
    return float(found[1]) * _SECONDS[found[2]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    place: ObjectName = argument(PLACE, read=read_place)
    size: tuple[Condition, ...] = repeated(
        "SIZE", read=_read_size, help="such as '>1MiB'; may be repeated"
    )
    older: float | None = option("TIME", read=_read_age, help="written longer ago")
    newer: float | None = option("TIME", read=_read_age, help="written since then")
    unread: float | None = option("TIME", read=_read_age, help="not read since then")
    ext: str = option("EXT", default="", help="names that end in .EXT")
    name: str = option("PATTERN", default="", help="names like that, with *, ? and [a-z]")
    regex: str = option("REGEX", default="", help="names in which that is found (RE2)")
    props: tuple[str, ...] = option(
        "NAMES",
        read=read_props,
        default=("name", "size"),
        help=f"columns: {','.join(PROPS)}",
        exclusive="columns",
    )
    names: bool = switch(help="names only, without a table", exclusive="columns")
    limit: int = option("N", read=int, default=0, help="at most so many")
    summary: bool = switch(help="print their number and size at the end")
    bytes: bool = switch(help="sizes as plain numbers")

    @property
    def columns(self) -> Sequence[str]:
        return ("name",) if self.names else self.props


def run(options: Options) -> int:
    with connect(options) as client:
        query = begin_query(options.place, conditions(options, time.time_ns()), options.columns)
        pages = _found(client, client.call(query), options.limit)
        print_pages(pages, options)
    return 0


def conditions(options: Options, now_ns: int) -> list[Condition]:
    """Return what the options ask for. Names come first: they cost the server least."""
    texts = (("ext", options.ext), ("name", options.name), ("regexp", options.regex))
    found = [Condition(name, (text,)) for name, text in texts if text]
    found += options.size
    ages = (("mtime_before", options.older), ("mtime_after", options.newer))
    for name, age_s in (*ages, ("atime_before", options.unread)):
        if age_s is not None:
            found.append(Condition(name, (str(now_ns - int(age_s * _NS)),)))
    return found


def _found(client: Client, handle: str, limit: int) -> Iterator[list[Entry]]:
    """Yield pages that are not empty, up to the limit."""
    left = limit
    while True:
        try:
            page = client.call(next_found(handle, min(left, _PAGE) if limit else _PAGE))
        except ClientError as error:
            if error.status == FINISHED:
                return
            raise
        yield page
        left -= len(page)
        if limit and left <= 0:
            return


COMMAND = Command(Options, run, _EXAMPLES)
