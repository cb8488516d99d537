"""`s3gw object ls`"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import add_place, connect, describe_asking
from s3gw.cli.progress import size_text
from s3gw.cli.tables import plural, printable, table
from s3gw.client.listing import PROPS, Asked, Entry, Flag, list_pages

_EXAMPLES = """\
  s3gw object ls ais://shards
  s3gw object ls ais://shards/train/ --flat          what is directly in the folder
  s3gw object ls ais://shards --long                 with times, checksums and versions
  s3gw object ls ais://shards --props name,atime,custom
  s3gw object ls ais://shards --regex '\\.tar$' --limit 10
  s3gw object ls ais://shards --names | xargs ...    nothing but names
  s3gw object ls ais://shards --archives             members of archives too"""
_LONG = ("name", "size", "atime", "version", "checksum")
_NOTHING = "There are no such objects."


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_place(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("-l", "--long", action="store_true", help="more columns")
    what.add_argument("--props", metavar="NAMES", type=_props, help=f"columns: {','.join(PROPS)}")
    what.add_argument("--names", action="store_true", help="names only, without a table")
    parser.add_argument("--flat", action="store_true", help="folders in place of what is in them")
    parser.add_argument("--archives", action="store_true", help="list members of archives, too")
    parser.add_argument("--regex", metavar="REGEX", type=_regex, help="only names that match")
    parser.add_argument("--start-after", metavar="NAME", default="", help="only names after it")
    parser.add_argument("--limit", metavar="N", type=int, default=0, help="at most so many")
    parser.add_argument("--page-size", metavar="N", type=int, default=0, help="of each request")
    parser.add_argument("--summary", action="store_true", help="count them at the end")
    parser.add_argument("--bytes", action="store_true", help="sizes as plain numbers")


def run(args: argparse.Namespace) -> int:
    columns = _columns(args)
    with connect(args) as client:
        pages = _matching(list_pages(client, _asked(args, columns)), args)
        if args.json:
            _print_json(pages, columns)
        elif args.names:
            for page in pages:
                print("\n".join(printable(entry.name) for entry in page))
        else:
            _print_tables(pages, columns, args)
    return 0


def _columns(args: argparse.Namespace) -> Sequence[str]:
    if args.names:
        return ("name",)
    if args.long:
        return _LONG
    return args.props or ("name", "size")


def _asked(args: argparse.Namespace, columns: Sequence[str]) -> Asked:
    flags = Flag(0)
    if columns == ("name",):
        flags |= Flag.NAME_ONLY
    if args.flat:
        flags |= Flag.NO_RECURSION
    if args.archives:
        flags |= Flag.ARCH_DIR
    limit = 0 if args.regex else args.limit
    return Asked(args.place, columns, flags, args.start_after, limit, args.page_size)


def _matching(pages: Iterator[list[Entry]], args: argparse.Namespace) -> Iterator[list[Entry]]:
    """Pages with something on them, up to the limit."""
    left = args.limit
    for page in pages:
        if args.regex:
            page = [entry for entry in page if args.regex.search(entry.name)]
        if args.limit:
            page = page[:left]
            left -= len(page)
        if page:
            yield page
        if args.limit and not left:
            return


def _print_json(pages: Iterator[list[Entry]], columns: Sequence[str]) -> None:
    """One array over all pages, which is never in memory as a whole."""
    before = "["
    for page in pages:
        for entry in page:
            document = {name: entry.prop(name) for name in columns}
            print(f"{before}\n{json.dumps(document, ensure_ascii=False)}", end="")
            before = ","
    print("[]" if before == "[" else "\n]")


def _print_tables(
    pages: Iterator[list[Entry]], columns: Sequence[str], args: argparse.Namespace
) -> None:
    count = size = 0
    for page in pages:
        head = [f"{name.upper()}{'>' if name == 'size' else ''}" for name in columns]
        rows = [[_cell(entry, name, args) for name in columns] for entry in page]
        text = table(head, rows, "")
        # The columns of each page are as wide as they need be; the head stands over the first.
        print(text if not count else text.partition("\n")[2])
        count += len(page)
        size += sum(entry.size for entry in page)
    if not count:
        print(_NOTHING)
    elif args.summary:
        print(f"\n{plural(count, 'object')}, {size_text(size)}")


def _cell(entry: Entry, name: str, args: argparse.Namespace) -> str:
    value: Any = entry.prop(name)
    if name == "size":
        if entry.is_folder:
            return "-"
        return str(value) if args.bytes else size_text(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(value)) if value not in (None, "") else "-"


def _props(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(["name", *filter(None, text.replace(" ", "").split(","))]))
    for name in names:
        if name not in PROPS:
            known = ", ".join(PROPS)
            raise argparse.ArgumentTypeError(f"there is no property {name!r}, only {known}")
    return names


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None
