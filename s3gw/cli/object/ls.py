"""`s3gw object ls`"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from s3gw.cli.arguments import PLACE
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, option, switch
from s3gw.cli.parsing import Command
from s3gw.cli.progress import size_text
from s3gw.cli.tables import plural, print_table, printable
from s3gw.client.listing import PROPS, Entry, Flag, ListQuery, list_objects
from s3gw.client.names import ObjectName, read_place

_EXAMPLES = """\
  s3gw object ls ais://shards
  s3gw object ls ais://shards/train/ --flat          the folder's own entries only
  s3gw object ls ais://shards --long                 with times, checksums and versions
  s3gw object ls ais://shards --props name,atime,custom
  s3gw object ls ais://shards --regex '\\.tar$' --limit 10
  s3gw object ls ais://shards --names | xargs ...    names only
  s3gw object ls ais://shards --archives             members of archives too"""
_LONG = ("name", "size", "atime", "version", "checksum")
_NOTHING = "There are no such objects."


def read_props(text: str) -> tuple[str, ...]:
    """Parse the columns; the name is always one. Raise `ValueError`."""
    names = tuple(dict.fromkeys(["name", *filter(None, text.replace(" ", "").split(","))]))
    for name in names:
        if name not in PROPS:
            known = ", ".join(PROPS)
            raise ValueError(f"the property {name!r} is unknown; use {known}")
    return names


def _read_regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    place: ObjectName = argument(PLACE, read=read_place)
    long: bool = switch("-l", help="more columns", exclusive="columns")
    props: tuple[str, ...] = option(
        "NAMES",
        read=read_props,
        default=("name", "size"),
        help=f"columns: {','.join(PROPS)}",
        exclusive="columns",
    )
    names: bool = switch(help="names only, without a table", exclusive="columns")
    flat: bool = switch(help="folders instead of their contents")
    archives: bool = switch(help="list members of archives, too")
    inventory: bool = switch(help="from the inventory of a remote bucket, without its backend")
    regex: re.Pattern[str] | None = option("REGEX", read=_read_regex, help="only matching names")
    start_after: str = option("NAME", default="", help="only names after it")
    limit: int = option("N", read=int, default=0, help="at most so many")
    page_size: int = option("N", read=int, default=0, help="of each request")
    summary: bool = switch(help="print their number and size at the end")
    bytes: bool = switch(help="sizes as plain numbers")

    @property
    def columns(self) -> Sequence[str]:
        if self.names:
            return ("name",)
        return _LONG if self.long else self.props


def run(options: Options) -> int:
    with connect(options) as client:
        pages = _matching(client.pages(list_objects(_query(options))), options)
        print_pages(pages, options)
    return 0


def _query(options: Options) -> ListQuery:
    flags = Flag(0)
    if options.columns == ("name",):
        flags |= Flag.NAME_ONLY
    if options.flat:
        flags |= Flag.NO_RECURSION
    if options.archives:
        flags |= Flag.ARCH_DIR
    if options.inventory:
        flags |= Flag.NBI
    limit = 0 if options.regex else options.limit
    return ListQuery(
        options.place, options.columns, flags, options.start_after, limit, options.page_size
    )


def _matching(pages: Iterator[list[Entry]], options: Options) -> Iterator[list[Entry]]:
    """Yield pages that are not empty, up to the limit."""
    left = options.limit
    for page in pages:
        if options.regex:
            page = [entry for entry in page if options.regex.search(entry.name)]
        if options.limit:
            page = page[:left]
            left -= len(page)
        if page:
            yield page
        if options.limit and not left:
            return


class HowToPrint(Protocol):
    """Options about the output. With `bytes`, sizes are plain numbers."""

    @property
    def json(self) -> bool: ...
    @property
    def names(self) -> bool: ...
    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def bytes(self) -> bool: ...
    @property
    def summary(self) -> bool: ...


def print_pages(pages: Iterator[list[Entry]], how: HowToPrint) -> None:
    """Print each page when it is there."""
    if how.json:
        _print_json(pages, how.columns)
    elif how.names:
        for page in pages:
            print("\n".join(printable(entry.name) for entry in page))
    else:
        _print_tables(pages, how.columns, in_bytes=how.bytes, has_summary=how.summary)


def _print_json(pages: Iterator[list[Entry]], columns: Sequence[str]) -> None:
    """Print one array over all pages, without holding all of it in memory."""
    before = "["
    for page in pages:
        for entry in page:
            document = {name: entry.prop(name) for name in columns}
            print(f"{before}\n{json.dumps(document, ensure_ascii=False)}", end="")
            before = ","
    print("[]" if before == "[" else "\n]")


def _print_tables(
    pages: Iterator[list[Entry]], columns: Sequence[str], *, in_bytes: bool, has_summary: bool
) -> None:
    count = size = 0
    for page in pages:
        head = [f"{name.upper()}{'>' if name == 'size' else ''}" for name in columns]
        rows = [[_cell(entry, name, in_bytes=in_bytes) for name in columns] for entry in page]
        # Each page has its own column widths; only the first has a head.
        print_table(head, rows, has_head=not count)
        count += len(page)
        size += sum(entry.size for entry in page)
    if not count:
        print(_NOTHING)
    elif has_summary:
        print(f"\n{plural(count, 'object')}, {size_text(size)}")


def _cell(entry: Entry, name: str, *, in_bytes: bool) -> str:
    value: Any = entry.prop(name)
    if name == "size":
        if entry.is_folder:
            return "-"
        return str(value) if in_bytes else size_text(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(value)) if value not in (None, "") else "-"


COMMAND = Command(Options, run, _EXAMPLES)
