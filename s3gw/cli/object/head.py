"""`s3gw object head`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import add_object, connect, describe_asking
from s3gw.cli.progress import size_text
from s3gw.cli.tables import facts, json_text, moment, printable
from s3gw.client.objects import Wanted, head_object

_EXAMPLES = """\
  s3gw object head ais://shards/0001.tar
  s3gw object head ais://shards/0001.tar --json | jq -r .checksum
  s3gw object head ais://shards/0001.tar --archpath images/7.jpg

The exit code is 1 when there is no such object."""
_NS = 1_000_000_000
_TOLD = {
    "version": "ais-version",
    "checksum_type": "ais-checksum-type",
    "checksum": "ais-checksum-value",
    "etag": "etag",
    "modified": "last-modified",
    "atime_ns": "ais-atime",
    "custom": "ais-custom-md",
    "chunks": "ais-chunks-count",
    "copies": "ais-mirror-copies",
    "location": "ais-location",
    "present": "ais-present",
}


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_object(parser)
    parser.add_argument(
        "--archpath", metavar="MEMBER", default="", help="a member of the archive that it is"
    )


def run(args: argparse.Namespace) -> int:
    wanted = Wanted(member=args.archpath) if args.archpath else None
    with connect(args) as client:
        headers = head_object(client, args.object, wanted)
    told: dict[str, object] = {"name": str(args.object), "size": int(headers["content-length"])}
    told |= {name: headers[header] for name, header in _TOLD.items() if headers.get(header)}
    if "etag" in told:
        told["etag"] = str(told["etag"]).strip('"')
    if "custom" in told:
        told["custom"] = dict(_pairs(str(told["custom"])))
    print(json_text(told) if args.json else facts([_fact(name, told[name]) for name in told]))
    return 0


def _pairs(text: str) -> list[tuple[str, str]]:
    """`k=v, k2=v2`; a comma that begins no other pair is part of the value."""
    pairs: list[tuple[str, str]] = []
    for item in text.split(", "):
        name, equals, value = item.partition("=")
        if equals or not pairs:
            pairs.append((name, value))
        else:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}, {item}")
    return pairs


def _fact(name: str, value: object) -> tuple[str, str]:
    match name, value:
        case "size", int(size):
            return name, f"{size_text(size)} ({size} bytes)" if size >= 1024 else size_text(size)
        case "atime_ns", _:
            return "accessed", moment(int(str(value)) // _NS)
        case "custom", dict(pairs):
            return name, printable(", ".join(f"{key}={text}" for key, text in pairs.items()))
    return name.replace("_", " "), printable(str(value))
